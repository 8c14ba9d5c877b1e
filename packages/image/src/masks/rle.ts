import { imageError } from "../image-error.ts";

/**
 * A mask as COCO runs: down the columns, column after column, how many pixels are out, in, out .. The first count may be 0.
 * A shape of a few corners takes a hundred bytes where the pixels take a million.
 */
export interface Rle {
  readonly height: number;
  readonly width: number;
  readonly counts: readonly number[];
}

/** As COCO's JSON writes it: counts as a list, or as its own text of printable characters. */
export interface CocoRle {
  readonly size: readonly [height: number, width: number];
  readonly counts: string | readonly number[];
}

/** @param mask [height, width] row after row; any number but 0 is in */
export function encodeRle(mask: ArrayLike<number>, width: number, height: number): Rle {
  const counts: number[] = [];
  let [inside, run] = [false, 0];
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if ((mask[y * width + x] !== 0) !== inside) {
        counts.push(run);
        run = 0;
        inside = !inside;
      }
      run++;
    }
  }
  counts.push(run);
  return { height, width, counts };
}

/** @returns [height, width] row after row of 0 and 1 */
export function decodeRle({ height, width, counts }: Rle): Uint8Array {
  const mask = new Uint8Array(height * width);
  let at = 0;
  for (let i = 0; i < counts.length; i++) {
    const end = at + counts[i]!;
    if (i % 2 === 1) for (; at < end; at++) mask[(at % height) * width + Math.floor(at / height)] = 1;
    at = end;
  }
  return mask;
}

/**
 * @param value as a file or a request holds it
 * @throws KilotuneError `bad_rle`
 */
export function parseRle(value: unknown): Rle {
  const { size, counts } = (value ?? {}) as { size?: unknown; counts?: unknown };
  const isCount = (x: unknown): x is number =>
    Number.isInteger(x) && (x as number) >= 0 && (x as number) < 2 ** 31;
  if (!Array.isArray(size) || size.length !== 2 || !size.every((side) => isCount(side) && side > 0))
    throw badRle('"size" to be [height, width]');
  const [height, width] = size as [number, number];
  if (height * width > MAX_PIXELS) throw badRle(`at most ${MAX_PIXELS} pixels`);
  const list = typeof counts === "string" ? countsOf(counts) : counts;
  if (!Array.isArray(list) || !list.every(isCount))
    throw badRle('"counts" to be whole numbers, or COCO\'s text of them');
  if (list.reduce((sum, count) => sum + count, 0) !== height * width)
    throw badRle("counts that add up to height x width");
  return { height, width, counts: list };
}

const MAX_PIXELS = 2 ** 28;

function badRle(expected: string) {
  return imageError(
    "bad_rle",
    `expected ${expected}, seen something else.`,
    "Write the mask with COCO's own tools.",
  );
}

export function toCocoRle({ height, width, counts }: Rle): CocoRle {
  return { size: [height, width], counts: textOf(counts) };
}

/**
 * Five bits a character from "0" on, the sixth says that more follow; from the fourth count on a count is written as its
 * difference from the one two before, which is small where an edge runs straight.
 */
function textOf(counts: readonly number[]): string {
  let text = "";
  for (let i = 0; i < counts.length; i++) {
    let rest = i > 2 ? counts[i]! - counts[i - 2]! : counts[i]!;
    for (let more = true; more; ) {
      const bits = rest & 31;
      rest >>= 5;
      more = bits & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(48 + (more ? bits | 32 : bits));
    }
  }
  return text;
}

function countsOf(text: string): number[] {
  const counts: number[] = [];
  let [value, shift] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const bits = text.charCodeAt(at) - 48;
    if (bits < 0 || bits > 63 || shift > 30) throw badRle("COCO's text of counts");
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    if (bits & 16 && shift < 32) value |= -1 << shift;
    if (counts.length > 2) value += counts[counts.length - 2]!;
    counts.push(value);
    [value, shift] = [0, 0];
  }
  if (shift > 0) throw badRle("counts that end");
  return counts;
}

export function rleArea({ counts }: Rle): number {
  let area = 0;
  for (let i = 1; i < counts.length; i += 2) area += counts[i]!;
  return area;
}

/** Smallest box around, as [x, y, width, height] like COCO's; all 0 where nothing is in. */
export function rleBox({ height, counts }: Rle): [number, number, number, number] {
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1, -1];
  let at = 0;
  for (let i = 0; i < counts.length; i++) {
    const [start, end] = [at, at + counts[i]!];
    at = end;
    if (i % 2 === 0 || start === end) continue;
    const [first, last] = [Math.floor(start / height), Math.floor((end - 1) / height)];
    left = Math.min(left, first);
    right = Math.max(right, last);
    top = first === last ? Math.min(top, start % height) : 0;
    bottom = first === last ? Math.max(bottom, (end - 1) % height) : height - 1;
  }
  return right < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1];
}

/** Pixels that are in both. The two must be of one size. */
export function rleIntersection(a: Rle, b: Rle): number {
  let [i, j, leftA, leftB, both] = [0, 0, a.counts[0] ?? 0, b.counts[0] ?? 0, 0];
  while (i < a.counts.length && j < b.counts.length) {
    const step = Math.min(leftA, leftB);
    if (i % 2 === 1 && j % 2 === 1) both += step;
    leftA -= step;
    leftB -= step;
    if (leftA === 0) leftA = a.counts[++i] ?? 0;
    if (leftB === 0) leftB = b.counts[++j] ?? 0;
  }
  return both;
}

/** What is in any of them. All must be of one size; at least one. */
export function rleUnion(masks: readonly Rle[]): Rle {
  const [first, ...others] = masks as readonly [Rle, ...Rle[]];
  return others.reduce((a, b) => united(a, b), first);
}

function united(a: Rle, b: Rle): Rle {
  const counts: number[] = [];
  let [i, j, leftA, leftB, inside, run] = [0, 0, a.counts[0] ?? 0, b.counts[0] ?? 0, false, 0];
  while (i < a.counts.length && j < b.counts.length) {
    const now = i % 2 === 1 || j % 2 === 1;
    const step = Math.min(leftA, leftB);
    if (step > 0 && now !== inside) {
      counts.push(run);
      [run, inside] = [0, now];
    }
    run += step;
    leftA -= step;
    leftB -= step;
    if (leftA === 0) leftA = a.counts[++i] ?? 0;
    if (leftB === 0) leftB = b.counts[++j] ?? 0;
  }
  counts.push(run);
  return { height: a.height, width: a.width, counts };
}
