import { imageSize } from "image-size";
import type { ImageCodec, ImageHeader, RasterFormat, Source } from "../codec.ts";
import { imageError, unreadable } from "../image-error.ts";
import type { Colour, Pixels } from "../pixels.ts";
import { resample } from "../resample.ts";
import { overBackground } from "../to-rgb.ts";
import { findOrientation } from "./exif-orientation.ts";
import { turnUpright } from "./turn-upright.ts";

/**
 * The browser's own decoders behind the port; scaling is ours, to the server's numbers. TIFF is refused: browsers don't
 * read it.
 */
export function createCanvasCodec(): ImageCodec {
  return {
    async inspect(bytes, format) {
      return headerOf(bytes, format);
    },
    async render(source, { region, width, height, kernel, background }) {
      return resample(await decode(source, background), region, width, height, kernel);
    },
  };
}

async function decode(source: Source, background: Colour): Promise<Pixels> {
  if (source.kind === "pixels") return source.pixels;
  const { format } = source.header;
  const bytes = new Uint8Array(source.bytes);
  const held = findOrientation(bytes, format);
  // Written over in our copy, and obeyed below: browsers differ in which formats they obey it.
  if (held !== null) bytes[held.at] = 1;
  const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${format}` }), {
    premultiplyAlpha: "none",
    colorSpaceConversion: "none",
  }).catch((error: unknown) => {
    throw unreadable(format, error);
  });
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null) throw unreadable(format, new Error("the browser gives no canvas of that size"));
    context.drawImage(bitmap, 0, 0);
    const stored = overBackground(context.getImageData(0, 0, width, height).data, width, height, background);
    const upright = turnUpright(stored, held?.value ?? 1);
    const { width: wide, height: high } = source.header;
    if (upright.width === wide && upright.height === high) return upright;
    throw unreadable(format, new Error(`it is ${width} x ${height}, not what its header says`));
  } finally {
    bitmap.close();
  }
}

function headerOf(bytes: Uint8Array, format: RasterFormat): ImageHeader {
  if (format === "tiff")
    throw imageError(
      "image_format",
      "expected an image that browsers read, seen TIFF.",
      "Convert it to PNG or JPEG.",
    );
  const { width, height } = sizeOf(bytes, format);
  const orientation = findOrientation(bytes, format)?.value ?? 1;
  const upright = orientation >= 5 ? { width: height, height: width } : { width, height };
  return {
    ...upright,
    format,
    orientation,
    channels: null,
    bitsPerChannel: null,
    cmyk: false,
    alpha: true,
    frames: 1,
  };
}

function sizeOf(bytes: Uint8Array, format: string) {
  try {
    return imageSize(bytes);
  } catch (error) {
    throw unreadable(format, error);
  }
}
