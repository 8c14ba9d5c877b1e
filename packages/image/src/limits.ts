import { imageError } from "./image-error.ts";
import type { ImageCodec, ImageHeader, RasterFormat } from "./codec.ts";
import { type ImageFormat, sniffFormat } from "./sniff-format.ts";

/** What is refused before a pixel is decoded. */
export interface ImageLimits {
  /** Of the file. 32 MiB. */
  readonly maxBytes: number;
  /** Width times height as the header claims them. 50 million: a 48-megapixel photo, 150 MB decoded. */
  readonly maxPixels: number;
  /** Of either side. 32,768: past it a strip of one pixel's height still takes decoders a row buffer each. */
  readonly maxSide: number;
}

export const DEFAULT_LIMITS: ImageLimits = { maxBytes: 32 * 2 ** 20, maxPixels: 50e6, maxSide: 32_768 };

/**
 * @returns the format of bytes that may be handed to a decoder's header reader
 * @throws KilotuneError `image_empty`, `image_too_many_bytes`, `image_format`
 */
export function checkBytes(bytes: Uint8Array, { maxBytes }: ImageLimits): ImageFormat {
  if (bytes.length === 0)
    throw imageError("image_empty", "expected an image, seen an empty file.", "Send the file's bytes.");
  if (bytes.length > maxBytes) {
    throw imageError(
      "image_too_many_bytes",
      `expected an image of at most ${maxBytes} bytes, seen ${bytes.length}.`,
      "Save it smaller: models look at some hundred pixels a side.",
    );
  }
  const format = sniffFormat(bytes);
  if (format !== null) return format;
  throw imageError(
    "image_format",
    "expected a JPEG, PNG, GIF, WebP, TIFF or DICOM file, seen none of their first bytes.",
    "Convert it to PNG or JPEG.",
  );
}

/** @throws KilotuneError `image_too_large` */
export function checkSize(width: number, height: number, { maxPixels, maxSide }: ImageLimits): void {
  if (width * height <= maxPixels && Math.max(width, height) <= maxSide) return;
  throw imageError(
    "image_too_large",
    `expected at most ${maxPixels} pixels and ${maxSide} a side, seen ${width} x ${height}.`,
    "Scale it down, or raise the limit if the picture is meant to be that large.",
  );
}

/** The header of a file whose bytes and claimed size are within the limits. @throws KilotuneError as its parts do */
export async function openFile(
  codec: ImageCodec,
  bytes: Uint8Array,
  format: RasterFormat,
  limits: ImageLimits,
): Promise<ImageHeader> {
  const header = await codec.inspect(bytes, format);
  checkSize(header.width, header.height, limits);
  return header;
}
