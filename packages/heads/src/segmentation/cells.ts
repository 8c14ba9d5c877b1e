import type { Placement } from "@kilotune/image";
import { IGNORED, type LabelMap } from "@kilotune/image/masks";
import { BLOCKS, type SegmentationSpec } from "./segmentation-head.ts";

type Cells = Pick<SegmentationSpec, "width" | "height" | "cellsPerPatch" | "classes">;

/**
 * An image's tensor in cells: each one's mean colour, then those of the 3 x 3 and of the 9 x 9 cells around it.
 *
 * @param tensor [3, height, width], whose sides are whole numbers of cells
 * @returns [h s, w s, 9]
 */
export function detailOf(tensor: Float32Array, width: number, height: number, cells: Cells): Float32Array {
  const [across, down] = [cells.width * cells.cellsPerPatch, cells.height * cells.cellsPerPatch];
  const [wide, high] = [width / across, height / down];
  const numbers = 3 * BLOCKS.length;
  const detail = new Float32Array(across * down * numbers);
  for (let c = 0; c < 3; c++) {
    const plane = new Float32Array(across * down);
    for (let y = 0; y < height; y++) {
      const row = Math.floor(y / high) * across;
      for (let x = 0; x < width; x++) {
        const cell = row + Math.floor(x / wide);
        plane[cell] = plane[cell]! + tensor[(c * height + y) * width + x]! / (wide * high);
      }
    }
    BLOCKS.forEach((block, i) => {
      // Down, then across: the mean of a square is the mean of its rows' means.
      const columns = blurred(plane, down, across, across, 1, block);
      const means = blurred(columns, across, down, 1, across, block);
      for (let cell = 0; cell < means.length; cell++) detail[cell * numbers + 3 * i + c] = means[cell]!;
    });
  }
  return detail;
}

/** Means of `block` numbers along an axis of `length` numbers that lie `step` apart, for each of `lines` lines; fewer at the ends. */
function blurred(
  plane: Float32Array,
  length: number,
  lines: number,
  step: number,
  lineStep: number,
  block: number,
): Float32Array {
  const reach = (block - 1) / 2;
  const means = new Float32Array(plane.length);
  for (let line = 0; line < lines; line++) {
    for (let at = 0; at < length; at++) {
      const [first, last] = [Math.max(0, at - reach), Math.min(length - 1, at + reach)];
      let sum = 0;
      for (let i = first; i <= last; i++) sum += plane[line * lineStep + i * step]!;
      means[line * lineStep + at * step] = sum / (last - first + 1);
    }
  }
  return means;
}

/**
 * A map in the tensor's frame -> what the loss wants of one image: each class's share of a cell's known pixels, and how much
 * of the cell is known.
 */
export function segmentationTargets(
  map: LabelMap,
  cells: Cells,
): { readonly targets: Float32Array; readonly weights: Float32Array } {
  const [across, down] = [cells.width * cells.cellsPerPatch, cells.height * cells.cellsPerPatch];
  const { classes } = cells;
  const targets = new Float32Array(across * down * classes);
  const weights = new Float32Array(across * down);
  for (let y = 0; y < map.height; y++) {
    const row = Math.floor((y * down) / map.height) * across;
    for (let x = 0; x < map.width; x++) {
      const label = map.data[y * map.width + x]!;
      if (label === IGNORED || label >= classes) continue;
      const cell = row + Math.floor((x * across) / map.width);
      targets[cell * classes + label] = targets[cell * classes + label]! + 1;
      weights[cell] = weights[cell]! + 1;
    }
  }
  const pixels = (map.width * map.height) / (across * down);
  weights.forEach((known, cell) => {
    if (known === 0) return;
    for (let c = 0; c < classes; c++) targets[cell * classes + c] = targets[cell * classes + c]! / known;
    weights[cell] = known / pixels;
  });
  return { targets, weights };
}

/**
 * Logits [h s, w s, C] of one image -> the likeliest class of each pixel of the upright original. Logits are interpolated
 * between the cells' middles first: an edge then runs between cells, not along them.
 *
 * @param unseen the class of what a crop has left out
 */
export function mapOfLogits(
  logits: Float32Array,
  cells: Cells,
  { image, frame, region, inner }: Placement,
  unseen = IGNORED,
): LabelMap {
  const { classes: C } = cells;
  const [across, down] = [cells.width * cells.cellsPerPatch, cells.height * cells.cellsPerPatch];
  const columns = between(region.width, inner.left, inner.width, frame.width, across);
  const rows = between(region.height, inner.top, inner.height, frame.height, down);
  const data = new Uint8Array(image.width * image.height).fill(unseen);
  const line = new Float32Array(across * C);
  for (let y = 0; y < region.height; y++) {
    const [above, below, share] = [rows.first[y]! * across * C, rows.second[y]! * across * C, rows.share[y]!];
    for (let i = 0; i < line.length; i++)
      line[i] = (1 - share) * logits[above + i]! + share * logits[below + i]!;
    const to = (region.top + y) * image.width + region.left;
    for (let x = 0; x < region.width; x++) {
      const [left, right, part] = [columns.first[x]! * C, columns.second[x]! * C, columns.share[x]!];
      let [best, most] = [0, Number.NEGATIVE_INFINITY];
      for (let c = 0; c < C; c++) {
        const value = (1 - part) * line[left + c]! + part * line[right + c]!;
        if (value > most) [best, most] = [c, value];
      }
      data[to + x] = best;
    }
  }
  return { width: image.width, height: image.height, data };
}

/**
 * The logits of each pixel of the part that is seen, [region.height, region.width, C], between the cells' middles as
 * `mapOfLogits` has them.
 */
export function pixelLogits(
  logits: Float32Array,
  cells: Cells,
  { frame, region, inner }: Placement,
): Float32Array {
  const { classes: C } = cells;
  const [across, down] = [cells.width * cells.cellsPerPatch, cells.height * cells.cellsPerPatch];
  const columns = between(region.width, inner.left, inner.width, frame.width, across);
  const rows = between(region.height, inner.top, inner.height, frame.height, down);
  const all = new Float32Array(region.width * region.height * C);
  const line = new Float32Array(across * C);
  let to = 0;
  for (let y = 0; y < region.height; y++) {
    const [above, below, share] = [rows.first[y]! * across * C, rows.second[y]! * across * C, rows.share[y]!];
    for (let i = 0; i < line.length; i++)
      line[i] = (1 - share) * logits[above + i]! + share * logits[below + i]!;
    for (let x = 0; x < region.width; x++) {
      const [left, right, part] = [columns.first[x]! * C, columns.second[x]! * C, columns.share[x]!];
      for (let c = 0; c < C; c++) all[to++] = (1 - part) * line[left + c]! + part * line[right + c]!;
    }
  }
  return all;
}

/** Pixels of an image, far apart, by their places in it row by row; and their logits [pixels, C]. */
export interface SampledPixels {
  readonly pixels: Int32Array;
  readonly logits: Float32Array;
}

/** The logits that `mapOfLogits` chooses by, of at most so many pixels that the preprocessing lets be seen. */
export function sampleLogits(
  logits: Float32Array,
  cells: Cells,
  { image, frame, region, inner }: Placement,
  most: number,
): SampledPixels {
  const { classes: C } = cells;
  const [across, down] = [cells.width * cells.cellsPerPatch, cells.height * cells.cellsPerPatch];
  const columns = between(region.width, inner.left, inner.width, frame.width, across);
  const rows = between(region.height, inner.top, inner.height, frame.height, down);
  let step = Math.max(1, Math.floor(Math.sqrt((region.width * region.height) / most)));
  const count = (side: number) => Math.ceil(side / step);
  while (count(region.width) * count(region.height) > most) step++;
  const pixels = new Int32Array(count(region.width) * count(region.height));
  const values = new Float32Array(pixels.length * C);
  let at = 0;
  for (let y = 0; y < region.height; y += step)
    for (let x = 0; x < region.width; x += step) {
      const corner = (row: Int32Array, column: Int32Array, c: number) =>
        logits[(row[y]! * across + column[x]!) * C + c]!;
      for (let c = 0; c < C; c++) {
        const [above, below] = [rows.first, rows.second].map(
          (row) =>
            (1 - columns.share[x]!) * corner(row, columns.first, c) +
            columns.share[x]! * corner(row, columns.second, c),
        ) as [number, number];
        values[at * C + c] = (1 - rows.share[y]!) * above + rows.share[y]! * below;
      }
      pixels[at++] = (region.top + y) * image.width + region.left + x;
    }
  return { pixels, logits: values };
}

/** For each pixel of a line of the region: the two cells whose middles it lies between, and how far from the first. */
function between(pixels: number, start: number, size: number, whole: number, cells: number) {
  const first = new Int32Array(pixels);
  const second = new Int32Array(pixels);
  const share = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const inFrame = start + ((i + 0.5) * size) / pixels;
    const at = Math.min(cells - 1, Math.max(0, (inFrame * cells) / whole - 0.5));
    first[i] = Math.floor(at);
    second[i] = Math.min(cells - 1, first[i]! + 1);
    share[i] = at - first[i]!;
  }
  return { first, second, share };
}
