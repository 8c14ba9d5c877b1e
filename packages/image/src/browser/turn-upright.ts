import type { Pixels } from "../pixels.ts";

/** A stored picture as it is to be looked at. @param orientation EXIF's, 1 .. 8 */
export function turnUpright(pixels: Pixels, orientation: number): Pixels {
  if (orientation === 1) return pixels;
  const { width: w, height: h, channels, data } = pixels;
  const turned = orientation >= 5;
  const [width, height] = turned ? [h, w] : [w, h];
  const mirrorX = [2, 3, 7, 8].includes(orientation);
  const mirrorY = [3, 4, 6, 7].includes(orientation);
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = turned ? [y, x] : [x, y];
      const from = ((mirrorY ? h - 1 - v : v) * w + (mirrorX ? w - 1 - u : u)) * channels;
      for (let c = 0; c < channels; c++) out[(y * width + x) * channels + c] = data[from + c]!;
    }
  }
  return { width, height, channels, data: out };
}
