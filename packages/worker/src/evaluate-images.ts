import type { VisionBackbone } from "@kilotune/backbone";
import type { ReportFindings, Score } from "@kilotune/contract";
import type { ImageRow, VisionTask } from "@kilotune/dataset";
import { MapMerger, type SampledPixels, type SegmentationSpec, sampleLogits } from "@kilotune/heads";
import { place, type Preprocessing, type Size, tiledPreprocessing, tilesOf } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import { type PromptManifest, type StoredPrompt, segmentationSpec, type Use } from "@kilotune/prompt";
import {
  createVisionPredictor,
  type ImageAnswer,
  type ImageClasses,
  type ImageMap,
  type ImageObjects,
} from "@kilotune/serving";
import { reached, sigmoids } from "@kilotune/tuner";
import { assess, outcomesOfLogits, scoreClasses } from "./classes/outcome.ts";
import { evaluateBoxes, objectsOf, scoreBoxes } from "./dense/detection.ts";
import {
  comparison,
  evaluateMasks,
  knownPixels,
  mapOf,
  maskTemperature,
  sampleSize,
  scoreMasks,
} from "./dense/segmentation.ts";
import { fileOf, nameOfRow } from "./images/image-files.ts";
import type { ImageRows } from "./images/image-source.ts";
import { pictureOf } from "./images/picture.ts";
import { readImages } from "./images/read-images.ts";
import type { JobEvent } from "./job.ts";
import { labelsOfRow } from "./labels/image-labels.ts";
import type { LabelCalibration } from "./labels/label-task.ts";
import { labelFindings, outcomesOf, scoreOutcomes } from "./labels/outcome.ts";
import { targetsOf } from "./labels/targets.ts";

/**
 * How well a prompt does on a file of images, as it is served.
 *
 * @throws KilotuneError `invalid_training_file`, and as the predictor
 */
export async function evaluateImagePrompt({
  backbone,
  stored,
  test,
  onEvent: emit = () => {},
}: {
  readonly backbone: VisionBackbone;
  readonly stored: StoredPrompt;
  readonly test: ImageRows;
  readonly onEvent?: (event: JobEvent) => void;
}): Promise<{ readonly score: Score; readonly findings: ReportFindings }> {
  const { manifest } = stored.prompt;
  const { labels } = manifest;
  const codec = createSharpCodec();
  const task = TASKS[manifest.task as keyof typeof TASKS];
  await using read = await readImages(test, task, codec, emit, "answering");
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const file = fileOf(read, codec, (row) => row);
  const { rows, source } = file;
  const names = rows.map(nameOfRow);
  const picture = (row: number) => pictureOf(source, row, 360);

  const { preprocessing: own, identity } = backbone.manifest;
  const isTiled = manifest.backbone.preprocessingSha256 !== identity.preprocessingSha256;
  const samples: SampledPixels[] = [];
  /** Without the head's numbers, which don't fit in memory for all images. */
  const sampled = ({ numbers, ...answer }: ImageMap): ImageMap => {
    const preprocessing = isTiled ? tiledPreprocessing(own) : own;
    const spec = segmentationSpec(manifest as PromptManifest & Use<"imageSegmentation">);
    samples.push(sampleOfAnswer(numbers as Float32Array, answer.image, spec, preprocessing));
    return answer;
  };
  const predictor = await createVisionPredictor({ backbone, codec, loadPrompt: async () => stored });
  const answers: ImageAnswer[] = [];
  try {
    // The tuner measures all answers from this score on; a person's threshold comes later.
    const options = { threshold: 0.05, numbers: task !== "detect" };
    const atOnce = task !== "segment" ? AT_ONCE : isTiled ? 1 : MAPS_AT_ONCE;
    for (let from = 0; from < rows.length; from += atOnce) {
      const part = await Promise.all(rows.slice(from, from + atOnce).map((_, at) => source.file(from + at)));
      const requests = part.map((image) => ({ image, prompt: stored.id }));
      for (const answer of await predictor.answer(requests, options)) {
        answers.push(answer.task === "segmentation" ? sampled(answer) : answer);
      }
      emit({ kind: "progress", stage: "evaluate", share: answers.length / rows.length });
    }
  } finally {
    await predictor.close();
  }

  if (manifest.task === "multi_label") {
    const { temperature, thresholds } = manifest.calibration as LabelCalibration;
    const logits = logitsOf(answers);
    const told = { texts: names, ...targetsOf(rows.map(labelsOfRow), labels) };
    const answered = reached(sigmoids(logits, temperature), thresholds);
    const outcomes = outcomesOf(told, labels.length, { logits, answered });
    return {
      score: scoreOutcomes(outcomes),
      findings: { task: "multi_label", evaluation: labelFindings(outcomes, labels, thresholds) },
    };
  }
  switch (task) {
    case "classify": {
      const labelled = Int32Array.from(rows, (row) => classOf.get(labelOf(row)) ?? -1);
      const logits = logitsOf(answers);
      const outcomes = outcomesOfLogits({ texts: names, labels: labelled }, logits, labels.length);
      const { temperature } = manifest.calibration as { readonly temperature: number };
      return {
        score: scoreClasses(outcomes, labels.length),
        findings: assess(outcomes, labels, temperature),
      };
    }
    case "detect": {
      const outcomes = rows.map((row, at) => ({
        name: names[at] as string,
        truths: objectsOf(row, classOf),
        found: (answers[at] as ImageObjects).objects.map(({ label, score, box }) => ({
          label: classOf.get(label) as number,
          score,
          box,
        })),
        picture: () => picture(at),
      }));
      const { threshold } = manifest.calibration as { readonly threshold: number };
      const evaluation = await evaluateBoxes(outcomes, labels, threshold);
      return { score: scoreBoxes(outcomes, labels.length), findings: { task: "detection", evaluation } };
    }
    case "segment": {
      // Of masks the labels are their numbers.
      const values = labels.map(Number);
      const outcomes = [];
      for (const [at, row] of rows.entries()) {
        const truth = () => mapOf(file, row, at, values, labels);
        const { map } = answers[at] as ImageMap;
        const wanted = await truth();
        outcomes.push({
          ...comparison(wanted, map, labels.length),
          sample: knownPixels(wanted, samples[at] as SampledPixels, labels.length),
          name: names[at] as string,
          truth,
          answer: map,
          picture: () => picture(at),
        });
      }
      const evaluation = await evaluateMasks(outcomes, labels, maskTemperature(manifest));
      return { score: scoreMasks(outcomes, labels.length), findings: { task: "segmentation", evaluation } };
    }
  }
}

/** Pixels of a map with the logits that it was drawn by, of one tile or of many. */
function sampleOfAnswer(
  numbers: Float32Array,
  image: Size,
  spec: SegmentationSpec,
  preprocessing: Preprocessing,
): SampledPixels {
  const most = sampleSize(spec.classes);
  const size = spec.width * spec.height * spec.cellsPerPatch ** 2 * spec.classes;
  if (numbers.length === size) return sampleLogits(numbers, spec, place(image, preprocessing), most);
  const merger = new MapMerger(image, spec, preprocessing);
  for (const [at, tile] of tilesOf(image, preprocessing).entries())
    merger.add(numbers.subarray(at * size, (at + 1) * size), tile);
  return merger.sample(most);
}

const TASKS = {
  classification: "classify",
  multi_label: "classify",
  segmentation: "segment",
  detection: "detect",
} as const satisfies Readonly<Record<string, VisionTask>>;

const AT_ONCE = 32;

/** A map comes with the numbers that it was drawn by: megabytes an image, and of one in tiles as many a tile. */
const MAPS_AT_ONCE = 8;

function logitsOf(answers: readonly ImageAnswer[]): Float32Array {
  return Float32Array.from(answers.flatMap((each) => [...((each as ImageClasses).numbers ?? [])]));
}

function labelOf({ target }: ImageRow): string {
  return target.kind === "labels" ? (target.labels[0] ?? "") : "";
}
