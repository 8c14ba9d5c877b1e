import type { Prng } from "@kilotune/dataset";
import type { Pixels } from "@kilotune/image";

/** As another microscope might see it: half the contrast about a darker grey, a blur of 5 x 5 pixels, noise with a deviation of 12 of 255. */
export function otherDevice(pixels: Pixels, random: Prng): Pixels {
  const { width, height, channels, data } = pixels;
  const line = (from: ArrayLike<number>, step: number, length: number) =>
    Float32Array.from({ length: from.length }, (_, i) => {
      const at = Math.floor(i / step) % length;
      let [sum, count] = [0, 0];
      for (let d = -2; d <= 2; d++)
        if (at + d >= 0 && at + d < length) {
          sum += from[i + d * step] as number;
          count++;
        }
      return sum / count;
    });
  const blurred = line(line(data, channels, width), channels * width, height);
  const seen = Uint8ClampedArray.from(blurred, (value) => 0.5 * (value - 128) + 100 + 12 * random.normal());
  return { ...pixels, data: seen };
}
