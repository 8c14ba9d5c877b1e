import type { LabelMap } from "../masks/label-map.ts";
import type { Pixels } from "../pixels.ts";
import { type Box, cut } from "../placement.ts";
import { crop } from "../resample.ts";
import type { Augmentation, ColourChange } from "./draw-augmentation.ts";

/** Of the crop's size, its sides exchanged where it is transposed. */
export function augmentPixels(pixels: Pixels, augmentation: Augmentation): Pixels {
  const part = crop(pixels, augmentation.crop);
  const { channels } = part;
  const turned = turn(part, channels, augmentation);
  return { ...turned, channels, data: recolour(turned.data, channels, augmentation.colour) };
}

export function augmentMap(map: LabelMap, augmentation: Augmentation): LabelMap {
  return turn(crop({ ...map, channels: 1 }, augmentation.crop), 1, augmentation);
}

/**
 * Boxes in the cut and mirrored image. One of which less than `leastSeen` of the area is left is gone: its stub would teach
 * that an object's edge is an object.
 */
export function augmentBoxes<T extends { readonly box: Box }>(
  objects: readonly T[],
  { crop, flipX, flipY, transpose }: Augmentation,
  leastSeen = 0.3,
): T[] {
  return objects.flatMap((object) => {
    const seen = cut(object.box, crop);
    if (seen === null || areaOf(seen) < leastSeen * areaOf(object.box)) return [];
    const [xmin, ymin, xmax, ymax] = [
      seen[0] - crop.left,
      seen[1] - crop.top,
      seen[2] - crop.left,
      seen[3] - crop.top,
    ];
    const x = flipX ? [crop.width - xmax, crop.width - xmin] : [xmin, xmax];
    const y = flipY ? [crop.height - ymax, crop.height - ymin] : [ymin, ymax];
    const [across, down] = transpose ? [y, x] : [x, y];
    return [{ ...object, box: [across[0]!, down[0]!, across[1]!, down[1]!] as Box }];
  });
}

function areaOf([xmin, ymin, xmax, ymax]: Box): number {
  return (xmax - xmin) * (ymax - ymin);
}

interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Mirrored, then transposed; always a copy. */
function turn(
  { width, height, data }: Raster,
  channels: number,
  { flipX, flipY, transpose }: Pick<Augmentation, "flipX" | "flipY" | "transpose">,
): { width: number; height: number; data: Uint8Array } {
  const size = transpose ? { width: height, height: width } : { width, height };
  const turned = Uint8Array.from(data);
  if (!flipX && !flipY && !transpose) return { ...size, data: turned };
  for (let y = 0; y < height; y++) {
    const row = (flipY ? height - 1 - y : y) * width;
    for (let x = 0; x < width; x++) {
      const from = (row + (flipX ? width - 1 - x : x)) * channels;
      const to = (transpose ? x * height + y : y * width + x) * channels;
      for (let c = 0; c < channels; c++) turned[to + c] = data[from + c]!;
    }
  }
  return { ...size, data: turned };
}

/** In one pass over 8 bits: brightness and contrast are one straight line, saturation moves each pixel about its own grey. */
function recolour(
  data: Uint8Array,
  channels: 1 | 3,
  { brightness, contrast, saturation }: ColourChange,
): Uint8ClampedArray {
  const out = new Uint8ClampedArray(data.length);
  const mean = (data.reduce((sum, value) => sum + value, 0) / Math.max(1, data.length)) * brightness;
  const lines = Float64Array.from({ length: 256 }, (_, i) => (i * brightness - mean) * contrast + mean);
  if (channels === 1) return out.map((_, i) => lines[data[i]!]!);
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [lines[data[i]!]!, lines[data[i + 1]!]!, lines[data[i + 2]!]!];
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    out[i] = grey + (r - grey) * saturation;
    out[i + 1] = grey + (g - grey) * saturation;
    out[i + 2] = grey + (b - grey) * saturation;
  }
  return out;
}
