import type { Prng } from "@kilotune/dataset";
import type { Pixels } from "@kilotune/image";

/** How another device sees the same: brightness and noise of 255. */
export interface Device {
  /** Share of the contrast that is left. */
  readonly contrast: number;
  /** What the middle grey becomes. */
  readonly grey: number;
  /** The blur's pixels to each side: it is a square of 2 reach + 1. */
  readonly reach: number;
  /** Deviation of the noise. */
  readonly noise: number;
}

/** A much worse microscope: a quarter of the contrast about a darker grey, a blur of 15 x 15 pixels. Half the contrast and 5 x 5 cost nothing. */
export const WORSE: Device = { contrast: 0.25, grey: 90, reach: 7, noise: 30 };

/** The picture as a device would see it: blurred, paler, noisy. */
export function otherDevice(pixels: Pixels, random: Prng, { contrast, grey, reach, noise }: Device): Pixels {
  const { width, height, channels, data } = pixels;
  const line = (from: ArrayLike<number>, step: number, length: number) =>
    Float32Array.from({ length: from.length }, (_, i) => {
      const at = Math.floor(i / step) % length;
      let [sum, count] = [0, 0];
      for (let d = -reach; d <= reach; d++)
        if (at + d >= 0 && at + d < length) {
          sum += from[i + d * step] as number;
          count++;
        }
      return sum / count;
    });
  const blurred = line(line(data, channels, width), channels * width, height);
  const seen = Uint8ClampedArray.from(
    blurred,
    (value) => contrast * (value - 128) + grey + noise * random.normal(),
  );
  return { ...pixels, data: seen };
}
