import { KilotuneError } from "@kilotune/contract";
import { decodeDetections, MapMerger, mergeBoxes, type TileBoxes } from "@kilotune/heads";
import { boxToImage, type Placement, type Size } from "@kilotune/image";
import { type AnswerOptions, type ImageAnswer, classesOfMap, scoresOfCells } from "./answers.ts";
import type { PreparedImagePrompt } from "./prepare-prompt.ts";

/** One answer of a large image, from what its head says of each tile. */
export interface TiledAnswer {
  /** @param numbers the head's, of the tile; @param placement of the tile in the tensor */
  add(numbers: Float32Array, tile: Placement["region"], placement: Placement): void;
  end(): ImageAnswer;
}

export function tiledAnswer(
  { task, labels, id }: PreparedImagePrompt,
  image: Size,
  frame: Size,
  { threshold, most, numbers: wantsNumbers = false }: AnswerOptions,
): TiledAnswer {
  const kept: Float32Array[] = [];
  const keep = (numbers: Float32Array) => void (wantsNumbers && kept.push(numbers));
  const about = () => ({ promptId: id, image, ...(wantsNumbers && { numbers: inOne(kept) }) });
  switch (task.kind) {
    case "segmentation": {
      refuseTooLarge(image, task.spec.classes);
      const merger = new MapMerger(image, task.spec, frame);
      const scores = scoresOfCells(task.spec, task.temperature);
      return {
        add(numbers, tile) {
          keep(numbers);
          merger.add(numbers, tile);
          scores.add(numbers);
        },
        end() {
          const map = merger.map();
          return {
            task: task.kind,
            map,
            labels,
            classes: classesOfMap(map, labels, scores.means()),
            ...about(),
          };
        },
      };
    }
    case "detection": {
      const { overlap } = task.calibration;
      const least = threshold ?? task.calibration.threshold;
      const parts: TileBoxes[] = [];
      return {
        add(numbers, tile, placement) {
          keep(numbers);
          const found = decodeDetections(numbers, task.spec, { threshold: least, overlap }).flatMap(
            (each) => {
              const box = boxToImage(each.box, placement);
              return box === null ? [] : [{ ...each, box }];
            },
          );
          parts.push({ tile, found });
        },
        end() {
          const merged = mergeBoxes(parts, { overlap, ...(most !== undefined && { most }) });
          const objects = merged.map(({ label, score, box }) => ({
            label: labels[label] as string,
            score,
            box,
          }));
          return { task: task.kind, objects, ...about() };
        },
      };
    }
    default:
      throw new Error("a head on one vector looks at an image whole");
  }
}

function inOne(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Of a map in memory: 400 MB. */
const MOST_NUMBERS = 1e8;

function refuseTooLarge({ width, height }: Size, classes: number): void {
  const most = Math.floor(MOST_NUMBERS / (classes + 1));
  if (width * height <= most) return;
  throw new KilotuneError(
    "image_too_large",
    `expected an image of at most ${most} pixels for ${classes} classes in tiles, seen ${width} x ${height}.`,
    "Cut it into a few images.",
  );
}
