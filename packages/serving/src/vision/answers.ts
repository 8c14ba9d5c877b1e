import { decodeDetections, type DetectionSpec, mapOfLogits, type SegmentationSpec } from "@kilotune/heads";
import { type Box, boxToImage, type Placement, type Size } from "@kilotune/image";
import type { LabelMap } from "@kilotune/image/masks";
import { type ClassAnswer, decodeClass, decodeLabels } from "../classes.ts";
import type { PreparedImagePrompt, ReadyTask } from "./prepare-prompt.ts";

/** Whatever the task, what an answer tells of itself. */
interface About {
  readonly promptId: string;
  /** Of the upright original, in pixels: what maps and boxes refer to. */
  readonly image: Size;
  /** The head's own, where asked for: logits [C], or of each cell [cells, C], or [cells, C + 4] of a detection. */
  readonly numbers?: Float32Array | Float64Array;
}

export interface ImageClasses extends About, ClassAnswer {
  readonly task: "classification" | "multi_label";
}

export interface ImageMap extends About {
  readonly task: "segmentation";
  /** The class of each pixel of the upright original by its place among `labels`; 255 where the preprocessing left it out. */
  readonly map: LabelMap;
  readonly labels: readonly string[];
  /** Of each label: its pixels, their share of those that were looked at, the mean probability there. */
  readonly classes: readonly {
    readonly label: string;
    readonly pixels: number;
    readonly share: number;
    readonly score: number;
  }[];
}

export interface ImageObjects extends About {
  readonly task: "detection";
  /** The surest first; boxes in pixels of the upright original. */
  readonly objects: readonly FoundObject[];
}

export interface FoundObject {
  readonly label: string;
  readonly score: number;
  readonly box: Box;
}

export type ImageAnswer = ImageClasses | ImageMap | ImageObjects;

export interface AnswerOptions {
  /** Of a classification: so many scores. Default all. */
  readonly topK?: number;
  /** Of a detection: below this score nothing is said. Default the prompt's own. */
  readonly threshold?: number;
  /** Objects an image, at most. Default 100, of an image in tiles as many a tile. */
  readonly most?: number;
  /** Whether answers have the head's own numbers; those of an image in tiles tile after tile. */
  readonly numbers?: boolean;
}

/** The head's numbers of one image -> its answer. */
export function answerOf(
  { task, labels, id }: PreparedImagePrompt,
  numbers: Float32Array | Float64Array,
  placement: Placement,
  { topK, threshold, most, numbers: wantsNumbers = false }: AnswerOptions,
): ImageAnswer {
  const about = { promptId: id, image: placement.image, ...(wantsNumbers && { numbers }) };
  switch (task.kind) {
    case "classification":
    case "multi_label": {
      const logits = numbers as Float64Array;
      const answer =
        task.kind === "classification"
          ? decodeClass(labels, logits, task.calibration)
          : decodeLabels(labels, logits, task.calibration);
      return { task: task.kind, ...answer, scores: answer.scores.slice(0, topK), ...about };
    }
    case "segmentation":
      return { task: task.kind, ...mapAnswer(task, labels, numbers as Float32Array, placement), ...about };
    case "detection": {
      const chosen = {
        threshold: threshold ?? task.calibration.threshold,
        overlap: task.calibration.overlap,
        ...(most !== undefined && { most }),
      };
      return {
        task: task.kind,
        objects: objectsOf(task.spec, labels, numbers as Float32Array, placement, chosen),
        ...about,
      };
    }
  }
}

function mapAnswer(
  { spec, temperature }: Extract<ReadyTask, { kind: "segmentation" }>,
  labels: readonly string[],
  logits: Float32Array,
  placement: Placement,
): Pick<ImageMap, "map" | "labels" | "classes"> {
  const map = mapOfLogits(logits, spec, placement);
  const scores = scoresOfCells(spec, temperature);
  scores.add(logits);
  return { map, labels, classes: classesOfMap(map, labels, scores.means()) };
}

/** @param scores of each label */
export function classesOfMap(
  map: LabelMap,
  labels: readonly string[],
  scores: Float64Array,
): ImageMap["classes"] {
  const pixels = new Float64Array(labels.length);
  let looked = 0;
  for (const label of map.data) {
    if (label >= labels.length) continue;
    pixels[label] = pixels[label]! + 1;
    looked++;
  }
  return labels.map((label, c) => ({
    label,
    pixels: pixels[c]!,
    share: looked === 0 ? 0 : pixels[c]! / looked,
    score: scores[c]!,
  }));
}

/** Of each class the mean probability of the cells where it is the likeliest; 0 where it is nowhere. */
export function scoresOfCells({ classes: C }: Pick<SegmentationSpec, "classes">, temperature: number) {
  const [sums, counts] = [new Float64Array(C), new Float64Array(C)];
  return {
    add(logits: Float32Array): void {
      for (let start = 0; start < logits.length; start += C) {
        let best = 0;
        for (let c = 1; c < C; c++) if (logits[start + c]! > logits[start + best]!) best = c;
        let powers = 0;
        for (let c = 0; c < C; c++)
          powers += Math.exp((logits[start + c]! - logits[start + best]!) / temperature);
        sums[best] = sums[best]! + 1 / powers;
        counts[best] = counts[best]! + 1;
      }
    },
    means: (): Float64Array => sums.map((sum, c) => (counts[c] === 0 ? 0 : sum / counts[c]!)),
  };
}

function objectsOf(
  spec: DetectionSpec,
  labels: readonly string[],
  output: Float32Array,
  placement: Placement,
  options: { readonly threshold: number; readonly overlap: number; readonly most?: number },
): FoundObject[] {
  return decodeDetections(output, spec, options).flatMap(({ label, score, box }) => {
    // Null where it lies in the bars of a letterbox alone.
    const seen = boxToImage(box, placement);
    return seen === null ? [] : [{ label: labels[label]!, score, box: seen }];
  });
}
