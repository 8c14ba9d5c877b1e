import type { Pixels } from "../pixels.ts";
import type { PixelModule, Window } from "./pixel-module.ts";

/**
 * Stored numbers to grey: sign, then slope and intercept, then the window, and last MONOCHROME1 turned over. Any other order
 * gives another picture.
 *
 * @param values [rows * columns] as stored
 */
export function greyPixels(values: Uint16Array, pixel: PixelModule): Pixels {
  const { rows, columns, bitsStored, signed, slope, intercept, photometric } = pixel;
  const range = 2 ** bitsStored;
  const measure = (value: number) => {
    // Bits above those stored may hold overlays of old.
    const stored = value % range;
    return (signed && stored >= range / 2 ? stored - range : stored) * slope + intercept;
  };
  const grey = pixel.window === null ? spread(values, measure) : shown(pixel.window);
  const turned = photometric === "MONOCHROME1";
  const data = Uint8Array.from(values, (value) => {
    const level = Math.round(255 * grey(measure(value)));
    return turned ? 255 - level : level;
  });
  return { width: columns, height: rows, channels: 1, data };
}

function spread(values: Uint16Array, measure: (value: number) => number): (measured: number) => number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    const measured = measure(value);
    if (measured < least) least = measured;
    if (measured > most) most = measured;
  }
  return most > least ? (measured) => (measured - least) / (most - least) : () => 0;
}

/** Measured -> 0 .. 1 (PS3.3 C.11.2.1.2 and C.11.2.1.3). */
function shown({ centre, width, shape }: Window): (measured: number) => number {
  if (shape === "SIGMOID") return (x) => 1 / (1 + Math.exp((-4 * (x - centre)) / width));
  if (shape === "LINEAR_EXACT") return (x) => clamp((x - centre) / width + 0.5);
  if (width <= 1) return (x) => (x <= centre - 0.5 ? 0 : 1);
  return (x) => clamp((x - (centre - 0.5)) / (width - 1) + 0.5);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** @param values [rows * columns * 3] as stored */
export function colourPixels(
  values: Uint16Array,
  { rows, columns, planar, photometric }: PixelModule,
): Pixels {
  const pixels = rows * columns;
  const data = new Uint8ClampedArray(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const [a, b, c] = [0, 1, 2].map((s) => values[planar ? s * pixels + i : i * 3 + s]!) as [
      number,
      number,
      number,
    ];
    if (photometric === "RGB") data.set([a, b, c], i * 3);
    else {
      // PS3.3 C.7.6.3.1.2: full range, as in JFIF.
      data[i * 3] = a + 1.402 * (c - 128);
      data[i * 3 + 1] = a - 0.344136 * (b - 128) - 0.714136 * (c - 128);
      data[i * 3 + 2] = a + 1.772 * (b - 128);
    }
  }
  return { width: columns, height: rows, channels: 3, data };
}
