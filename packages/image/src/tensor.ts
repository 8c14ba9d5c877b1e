import type { Pixels } from "./pixels.ts";
import type { Placement } from "./placement.ts";
import type { Preprocessing } from "./preprocessing.ts";

/**
 * Writes what is seen of an image, already at its size in the frame, as one row of a batch: [3, height, width] in float32,
 * (value / 255 - mean) / std, the background where the image doesn't reach.
 *
 * @param at of the row's first number in `out`
 */
export function writeTensor(
  pixels: Pixels,
  { inner }: Placement,
  { width, height, background, mean, std }: Preprocessing,
  out: Float32Array,
  at = 0,
): void {
  const plane = width * height;
  const filled = inner.width === width && inner.height === height;
  for (let channel = 0; channel < 3; channel++) {
    // A byte has 256 values: looked up, not computed, for every pixel.
    const values = Float32Array.from({ length: 256 }, (_, i) => (i / 255 - mean[channel]!) / std[channel]!);
    const target = out.subarray(at + channel * plane, at + (channel + 1) * plane);
    if (!filled) target.fill(values[background[channel]!]!);
    const { channels, data } = pixels;
    let from = channels === 3 ? channel : 0;
    for (let y = 0; y < inner.height; y++) {
      let to = (inner.top + y) * width + inner.left;
      for (let x = 0; x < inner.width; x++, from += channels) target[to++] = values[data[from]!]!;
    }
  }
}
