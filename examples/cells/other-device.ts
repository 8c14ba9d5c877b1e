import type { Prng } from "@kilotune/dataset";
import type { Pixels } from "@kilotune/image";

/**
 * As a much worse microscope might see it: a quarter of the contrast about a darker grey, a blur of 15 x 15 pixels, noise with a deviation of 30
 * of 255.
 */
export function otherDevice(pixels: Pixels, random: Prng): Pixels {
  const { width, height, channels, data } = pixels;
  const line = (from: ArrayLike<number>, step: number, length: number) =>
    Float32Array.from({ length: from.length }, (_, i) => {
      const at = Math.floor(i / step) % length;
      let [sum, count] = [0, 0];
      for (let d = -7; d <= 7; d++)
        if (at + d >= 0 && at + d < length) {
          sum += from[i + d * step] as number;
          count++;
        }
      return sum / count;
    });
  const blurred = line(line(data, channels, width), channels * width, height);
  const seen = Uint8ClampedArray.from(blurred, (value) => 0.25 * (value - 128) + 90 + 30 * random.normal());
  return { ...pixels, data: seen };
}
