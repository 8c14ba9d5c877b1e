import type { Box } from "@kilotune/image";
import { type DetectionSpec, numbersPerCell } from "./detection-head.ts";

/** In pixels of the tensor: `boxToImage` of @kilotune/image brings the box to the original. */
export interface Found {
  readonly label: number;
  readonly score: number;
  readonly box: Box;
}

export interface DecodeOptions {
  /** Below this score nothing is said. 0.05: scores sort answers, a person's threshold comes later. */
  readonly threshold?: number;
  /** Answers an image. 100, as COCO counts them. */
  readonly most?: number;
  /** Of two answers of one class that overlap more, the surer one stands. 0.6 */
  readonly overlap?: number;
}

/**
 * The head's numbers of one image, [R, C + 4] -> objects, the surest first: cells that no neighbour of the class outdoes, each
 * with the box that it claims.
 */
export function decodeDetections(
  output: Float32Array,
  spec: Pick<DetectionSpec, "width" | "height" | "cellsPerPatch" | "cellSize" | "classes">,
  { threshold = 0.05, most = 100, overlap = 0.6 }: DecodeOptions = {},
): Found[] {
  const { cellSize, classes } = spec;
  const [across, down] = [spec.width * spec.cellsPerPatch, spec.height * spec.cellsPerPatch];
  const width = numbersPerCell(spec);
  const least = Math.log(threshold / (1 - threshold));
  const logit = (x: number, y: number, label: number) =>
    x < 0 || y < 0 || x >= across || y >= down
      ? Number.NEGATIVE_INFINITY
      : output[(y * across + x) * width + label]!;
  const peaks: Found[] = [];
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      for (let label = 0; label < classes; label++) {
        const here = logit(x, y, label);
        if (!(here >= least) || outdone(here, x, y, label)) continue;
        const at = (y * across + x) * width + classes;
        const [left, top, right, bottom] = [0, 1, 2, 3].map((side) =>
          Math.exp(Math.min(8, Math.max(-8, output[at + side]!))),
        );
        const frame = [x + 0.5 - left!, y + 0.5 - top!, x + 0.5 + right!, y + 0.5 + bottom!];
        const box = frame.map((value, i) => Math.min([across, down][i % 2]!, Math.max(0, value)) * cellSize);
        peaks.push({ label, score: 1 / (1 + Math.exp(-here)), box: box as unknown as Box });
      }
    }
  }
  return suppressed(peaks, { overlap, most });

  /** Of equals the first one stands. */
  function outdone(here: number, x: number, y: number, label: number): boolean {
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const other = logit(x + dx, y + dy, label);
        if (other > here || (other === here && (dy < 0 || (dy === 0 && dx < 0)))) return true;
      }
    }
    return false;
  }
}

/** Non-maximum suppression: the surest first, and of two of one class that overlap more than `overlap` the surer one. Sorts what it is given. */
export function suppressed(
  found: Found[],
  { overlap, most }: { readonly overlap: number; readonly most: number },
): Found[] {
  const kept: Found[] = [];
  for (const each of found.sort((a, b) => b.score - a.score)) {
    if (kept.length >= most) break;
    if (kept.every((other) => other.label !== each.label || iou(other.box, each.box) <= overlap))
      kept.push(each);
  }
  return kept;
}

export function iou(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: Box) => (box[2] - box[0]) * (box[3] - box[1]);
  return (width * height) / (area(a) + area(b) - width * height);
}
