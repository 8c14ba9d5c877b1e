import dicomParser, { type DataSet } from "dicom-parser";
import type { ImageCodec } from "../codec.ts";
import { imageError, unreadable } from "../image-error.ts";
import { checkSize, type ImageLimits } from "../limits.ts";
import type { Pixels } from "../pixels.ts";
import { sniffFormat } from "../sniff-format.ts";
import { frameBytes } from "./frame-bytes.ts";
import { colourPixels, greyPixels } from "./frame-pixels.ts";
import { type PixelModule, pixelModule } from "./pixel-module.ts";

export interface DicomImage {
  /** Of one frame, ready to look at: slope, window and MONOCHROME1 applied, 8 bits a channel. */
  readonly pixels: Pixels;
  /** How many frames the file holds. */
  readonly frames: number;
  /** As the file says, e.g. "CT"; null where it doesn't. */
  readonly modality: string | null;
  /** The file says that names or dates may be drawn into the picture itself. */
  readonly burnedIn: boolean;
}

/**
 * One frame of a DICOM file (PS3.10). Besides what is returned nothing of its tags is kept: they hold names, dates of birth
 * and numbers of patients.
 *
 * @param codec decodes frames of baseline JPEG
 * @throws KilotuneError `dicom_no_pixels`, `dicom_frame`, `dicom_compression`, `dicom_pixels`, `dicom_lut`,
 *   `image_unreadable`, `image_too_large`
 */
export async function readDicom(
  bytes: Uint8Array,
  {
    limits,
    frame,
    codec,
  }: { readonly limits: ImageLimits; readonly frame: number; readonly codec: ImageCodec },
): Promise<DicomImage> {
  const dataSet = parse(bytes);
  const pixel = pixelModule(dataSet, frame);
  checkSize(pixel.columns, pixel.rows, limits);
  if (!Number.isInteger(frame) || frame < 0 || frame >= pixel.frames) {
    throw imageError(
      "dicom_frame",
      `expected a frame in 0 .. ${pixel.frames - 1}, seen ${frame}.`,
      "Choose one that the file holds.",
    );
  }
  return {
    pixels: await pixelsOf(dataSet, pixel, frame, codec),
    frames: pixel.frames,
    modality: wordOf(dataSet.string("x00080060")),
    burnedIn: wordOf(dataSet.string("x00280301")) === "YES",
  };
}

async function pixelsOf(
  dataSet: DataSet,
  pixel: PixelModule,
  frame: number,
  codec: ImageCodec,
): Promise<Pixels> {
  const found = frameBytes(dataSet, pixel, frame);
  if (found.kind === "stored")
    return pixel.samples === 1 ? greyPixels(found.values, pixel) : colourPixels(found.values, pixel);
  if (sniffFormat(found.bytes) !== "jpeg") throw unreadable("DICOM", new Error("the JPEG inside is none"));
  const header = await codec.inspect(found.bytes, "jpeg");
  if (header.width !== pixel.columns || header.height !== pixel.rows)
    throw unreadable("DICOM", new Error("the JPEG inside has another size than the tags say"));
  const view = {
    region: { left: 0, top: 0, width: header.width, height: header.height },
    kernel: "linear",
  } as const;
  const { width, height } = header;
  const decoded = await codec.render(
    { kind: "file", bytes: found.bytes, header },
    { ...view, width, height, background: [0, 0, 0] },
  );
  if (pixel.samples === 3) return decoded;
  return greyPixels(firstChannel(decoded), pixel);
}

/** A browser's canvas knows no grey: its three channels are alike. */
function firstChannel({ channels, data }: Pixels): Uint16Array {
  return Uint16Array.from({ length: data.length / channels }, (_, i) => data[i * channels]!);
}

function parse(bytes: Uint8Array): DataSet {
  try {
    return dicomParser.parseDicom(bytes, {
      inflater() {
        throw new Error("its data set is deflated, which is not read here");
      },
    });
  } catch (error) {
    // The library throws strings, objects and errors; none of them may quote a tag's value.
    throw unreadable("DICOM", error instanceof Error ? error : new Error("its structure is broken"));
  }
}

/** A code of the standard, never free text. */
function wordOf(value: string | undefined): string | null {
  return value !== undefined && /^[A-Z]{2,16}$/.test(value) ? value : null;
}
