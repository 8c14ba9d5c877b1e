import type { ImageCodec } from "../codec.ts";
import { decodeImage, type ReadOptions } from "../prepare-image.ts";
import { loadSharp } from "./load-sharp.ts";

export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  /** `data:` URL of a WebP file. */
  readonly source: string;
  /** Of the upright original: what its boxes and outlines are multiplied by. */
  readonly scale: number;
}

/**
 * An image for a page: upright, at most `maxSide` pixels a side, some KB, nothing of the file's own tags.
 *
 * @throws KilotuneError as `decodeImage`
 */
export async function thumbnailOf(
  codec: ImageCodec,
  bytes: Uint8Array,
  maxSide: number,
  options: ReadOptions = {},
): Promise<Thumbnail> {
  const pixels = await decodeImage(codec, bytes, options);
  const scale = Math.min(1, maxSide / Math.max(pixels.width, pixels.height));
  const [width, height] = [pixels.width, pixels.height].map((side) =>
    Math.max(1, Math.round(side * scale)),
  ) as [number, number];
  const { channels, data } = pixels;
  const file = await loadSharp()(data, { raw: { width: pixels.width, height: pixels.height, channels } })
    .resize(width, height, { fit: "fill" })
    .webp({ quality: 75, effort: 2 })
    .toBuffer();
  return { width, height, scale, source: `data:image/webp;base64,${file.toString("base64")}` };
}
