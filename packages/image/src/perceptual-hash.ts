import type { Pixels } from "./pixels.ts";

/** What `perceptualHash` looks at: the whole image at this size, its shape lost. */
export const HASH_SIDE = 9;

/**
 * 128 bits that pictures of one scene share though they were scaled, compressed or brightened apart: whether each of 8 x 8
 * neighbours is brighter, once to the right and once below ("difference hash", Krawetz 2013). Null for a picture of one
 * tone, whose bits would be noise alone.
 *
 * @param pixels 9 x 9
 * @returns 32 hexadecimal digits
 */
export function perceptualHash({ channels, data }: Pixels): string | null {
  const light = Array.from({ length: HASH_SIDE ** 2 }, (_, i) =>
    channels === 1 ? data[i]! : 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!,
  );
  if (Math.max(...light) - Math.min(...light) < FLAT) return null;
  let hash = "";
  for (const step of [1, HASH_SIDE]) {
    for (let y = 0; y < 8; y++) {
      let bits = 0;
      for (let x = 0; x < 8; x++) {
        const at = y * HASH_SIDE + x;
        bits = bits * 2 + Number(light[at + step]! > light[at]!);
      }
      hash += bits.toString(16).padStart(2, "0");
    }
  }
  return hash;
}

/** Of 255: below this the brightest and the darkest of 81 parts are one tone. */
const FLAT = 4;
