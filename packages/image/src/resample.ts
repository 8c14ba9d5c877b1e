import type { Kernel, Region } from "./codec.ts";
import type { Pixels } from "./pixels.ts";

/**
 * Scales a region of an image to the very numbers that libvips 8.15 and later give (`vips_resize`, its default gap of 2),
 * so that a browser's tensors are a server's: first down, then across, 8 bits between; a whole factor past 2 as a box, the
 * rest as a kernel at 64 positions a pixel in 12-bit fixed point. What has to grow then grows by a stencil of 2 or 4.
 */
export function resample(
  pixels: Pixels,
  region: Region,
  width: number,
  height: number,
  kernel: Kernel,
): Pixels {
  let image = crop(pixels, region);
  if (height < image.height) image = transpose(shrinkRows(transpose(image), height, kernel));
  if (width < image.width) image = shrinkRows(image, width, kernel);
  return width > image.width || height > image.height ? enlarge(image, width, height, kernel) : image;
}

const FIXED = 12;
const ONE = 1 << FIXED;
const POSITIONS = 64;

export function crop(pixels: Pixels, { left, top, width, height }: Region): Pixels {
  if (left === 0 && top === 0 && width === pixels.width && height === pixels.height) return pixels;
  const { channels } = pixels;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * pixels.width + left) * channels;
    data.set(pixels.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}

function transpose({ width, height, channels, data }: Pixels): Pixels {
  const turned = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        turned[(x * height + y) * channels + c] = data[(y * width + x) * channels + c]!;
  return { width: height, height: width, channels, data: turned };
}

/** Every row to `width`, which is less than the image's. */
function shrinkRows(image: Pixels, width: number, kernel: Kernel): Pixels {
  let shrink = image.width / width;
  const box = Math.max(1, Math.floor(shrink / GAP));
  const small = box > 1 ? boxRows(image, box) : image;
  shrink /= box;
  if (shrink === 1) return small;
  const { height, channels } = small;
  const points = 2 * rint(kernel === "linear" ? shrink : 2 * shrink) + 1;
  const masks = Array.from({ length: POSITIONS + 1 }, (_, at) =>
    maskOf(kernel, points, shrink, at / POSITIONS),
  );
  const before = Math.ceil(points / 2) - 1;
  const data = new Uint8Array(width * height * channels);
  // Widths divide evenly here (the size is given, not the factor), so nothing is discarded: the offset is -1/2.
  let position = 0.5 * shrink;
  for (let x = 0; x < width; x++, position += shrink) {
    const first = Math.floor(position) - before;
    const mask = masks[((Math.trunc(position * POSITIONS * 2) & (POSITIONS * 2 - 1)) + 1) >> 1]!;
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        let sum = ONE >> 1;
        for (let i = 0; i < points; i++) {
          const at = Math.min(small.width - 1, Math.max(0, first + i));
          sum += mask[i]! * small.data[(y * small.width + at) * channels + c]!;
        }
        data[(y * width + x) * channels + c] = clamp(sum >> FIXED);
      }
    }
  }
  return { width, height, channels, data };
}

/** Shrinks of twice this and more are halved first, thirded .. by means of whole pixels. */
const GAP = 2;

/** The mean of every `box` pixels of a row; the last pixel stands in for those past the end. */
function boxRows(image: Pixels, box: number): Pixels {
  const { height, channels } = image;
  const width = Math.ceil(image.width / box);
  // As libvips divides: a mean that is whole may come out one less.
  const reciprocal = Math.floor(2 ** 24 / box);
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = box >> 1;
        for (let i = 0; i < box; i++) {
          const at = Math.min(image.width - 1, x * box + i);
          sum += image.data[(y * image.width + at) * channels + c]!;
        }
        data[(y * width + x) * channels + c] = Math.floor((sum * reciprocal) / 2 ** 24);
      }
    }
  }
  return { width, height, channels, data };
}

function maskOf(kernel: Kernel, points: number, shrink: number, offset: number): Int32Array {
  const half = offset + points / 2 - 1;
  const weights = Array.from({ length: points }, (_, i) => weigh[kernel](Math.abs((i - half) / shrink)));
  const sum = weights.reduce((a, b) => a + b, 0);
  return Int32Array.from(weights, (weight) => Math.trunc((weight / sum) * ONE));
}

const weigh: Record<Kernel, (distance: number) => number> = {
  linear: (x) => Math.max(0, 1 - x),
  cubic(x) {
    if (x <= 1) return 1.5 * x ** 3 - 2.5 * x ** 2 + 1;
    return x <= 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
  },
};

/**
 * Neither side less than the image's. Ours on the server too: up to 8.18 libvips enlarges half a new pixel off the centre,
 * later ones don't.
 */
export function enlarge(image: Pixels, width: number, height: number, kernel: Kernel): Pixels {
  const { channels } = image;
  const across = stencils(image.width, width, kernel);
  const down = stencils(image.height, height, kernel);
  const stride = width * channels;
  const wide = new Float32Array(image.height * stride);
  for (let y = 0; y < image.height; y++) {
    const row = y * image.width * channels;
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = x * across.taps; i < (x + 1) * across.taps; i++)
          sum += across.weights[i]! * image.data[row + across.from[i]! * channels + c]!;
        wide[y * stride + x * channels + c] = sum;
      }
    }
  }
  // Rounds halves to the even number and clamps.
  const data = new Uint8ClampedArray(height * stride);
  const line = new Float32Array(stride);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (let i = y * down.taps; i < (y + 1) * down.taps; i++) {
      const weight = down.weights[i]!;
      const row = down.from[i]! * stride;
      for (let x = 0; x < stride; x++) line[x] = line[x]! + weight * wide[row + x]!;
    }
    data.set(line, y * stride);
  }
  return { width, height, channels, data };
}

/** For each new pixel the old ones that make it, clamped at the edges, and their weights. */
function stencils(from: number, to: number, kernel: Kernel) {
  const taps = kernel === "linear" ? 2 : 4;
  const places = new Int32Array(to * taps);
  const weights = new Float32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const position = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(position) - (taps / 2 - 1);
    for (let tap = 0; tap < taps; tap++) {
      places[i * taps + tap] = Math.min(from - 1, Math.max(0, first + tap));
      weights[i * taps + tap] = weigh[kernel](Math.abs(first + tap - position));
    }
  }
  return { taps, from: places, weights };
}

function clamp(value: number): number {
  return Math.min(255, Math.max(0, value));
}

/** To the nearest whole number, halves to the even one, as C's rint does. */
function rint(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
