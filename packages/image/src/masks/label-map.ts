import type { Placement } from "../placement.ts";

/** A class for each pixel of an image: [height, width] row after row. */
export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The class of pixels that count neither in the loss nor in a score, as Pascal VOC has it. */
export const IGNORED = 255;

/** The map of an image in the tensor's frame: the class under each pixel's centre, `IGNORED` in the bars. */
export function mapToFrame(map: LabelMap, { frame, region, inner }: Placement): LabelMap {
  const data = new Uint8Array(frame.width * frame.height).fill(IGNORED);
  const columns = nearest(inner.width, region.width);
  const rows = nearest(inner.height, region.height);
  for (let y = 0; y < inner.height; y++) {
    const from = (region.top + rows[y]!) * map.width + region.left;
    const to = (inner.top + y) * frame.width + inner.left;
    for (let x = 0; x < inner.width; x++) data[to + x] = map.data[from + columns[x]!]!;
  }
  return { ...frame, data };
}

/**
 * A map of the tensor's frame, or of a coarser grid over it such as its patches, at the size of the upright image.
 *
 * @param unseen the class of what a crop has left out
 */
export function mapToImage(
  map: LabelMap,
  { image, frame, region, inner }: Placement,
  unseen = IGNORED,
): LabelMap {
  const data = new Uint8Array(image.width * image.height).fill(unseen);
  const at = (i: number, from: number, to: number, start: number, whole: number, cells: number) =>
    Math.min(cells - 1, Math.floor(((start + ((i + 0.5) * to) / from) * cells) / whole));
  const columns = Int32Array.from({ length: region.width }, (_, x) =>
    at(x, region.width, inner.width, inner.left, frame.width, map.width),
  );
  for (let y = 0; y < region.height; y++) {
    const row = at(y, region.height, inner.height, inner.top, frame.height, map.height) * map.width;
    const to = (region.top + y) * image.width + region.left;
    for (let x = 0; x < region.width; x++) data[to + x] = map.data[row + columns[x]!]!;
  }
  return { ...image, data };
}

function nearest(to: number, from: number): Int32Array {
  return Int32Array.from({ length: to }, (_, i) => Math.floor(((i + 0.5) * from) / to));
}

/** The pixels of one class as 0 and 1. */
export function maskOf({ data }: LabelMap, label: number): Uint8Array {
  return data.map((value) => Number(value === label));
}
