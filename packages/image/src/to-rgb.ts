import type { Colour, Pixels } from "./pixels.ts";

/**
 * Cyan, magenta, yellow and black (0 no ink) to colours without a profile, as browsers and Pillow do it: what two inks let
 * through is multiplied.
 */
export function cmykToRgb(cmyk: Uint8Array, width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4) {
    const light = 255 - cmyk[from + 3]!;
    for (let ink = 0; ink < 3; ink++) data[to++] = Math.round(((255 - cmyk[from + ink]!) * light) / 255);
  }
  return { width, height, channels: 3, data };
}

/** Colours with alpha laid over a background, rounded down as libvips does it. */
export function overBackground(
  rgba: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  background: Colour,
): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4) {
    const alpha = rgba[from + 3]!;
    for (let c = 0; c < 3; c++)
      data[to++] = Math.floor((rgba[from + c]! * alpha + background[c]! * (255 - alpha)) / 255);
  }
  return { width, height, channels: 3, data };
}
