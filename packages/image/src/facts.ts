import type { ImageCodec } from "./codec.ts";
import { readDicom } from "./dicom/read-dicom.ts";
import { checkBytes, DEFAULT_LIMITS, type ImageLimits, openFile } from "./limits.ts";
import { readMask } from "./masks/read-mask.ts";
import { HASH_SIDE, perceptualHash } from "./perceptual-hash.ts";
import type { Size } from "./placement.ts";
import { WHITE } from "./prepare-image.ts";
import { sha256 } from "./sha256.ts";
import type { ImageFormat } from "./sniff-format.ts";

/** What a linter asks of an image file. No pixel of it is kept. */
export interface ImageFacts {
  readonly format: ImageFormat;
  /** Upright. */
  readonly width: number;
  readonly height: number;
  /** Of the file: 1 grey, 2 grey with alpha, 3 colour, 4 colour with alpha or CMYK; null where the reader doesn't say. */
  readonly channels: number | null;
  readonly frames: number;
  /** A DICOM file says that names or dates may be drawn into the picture. */
  readonly burnedIn: boolean;
  /** Of the bytes, hexadecimal. */
  readonly sha256: string;
  /** See `perceptualHash`. */
  readonly perceptual: string | null;
}

/** Of the upright image, by its header alone. @throws KilotuneError as `prepareImage` */
export async function imageSize(
  codec: ImageCodec,
  bytes: Uint8Array,
  limits: ImageLimits = DEFAULT_LIMITS,
): Promise<Size> {
  const format = checkBytes(bytes, limits);
  const { width, height } =
    format === "dicom"
      ? (await readDicom(bytes, { limits, frame: 0, codec })).pixels
      : await openFile(codec, bytes, format, limits);
  return { width, height };
}

/** @throws KilotuneError as `prepareImage` */
export async function imageFacts(
  codec: ImageCodec,
  bytes: Uint8Array,
  limits: ImageLimits = DEFAULT_LIMITS,
): Promise<ImageFacts> {
  const format = checkBytes(bytes, limits);
  const { source, ...facts } = format === "dicom" ? await ofDicom() : await ofFile(format);
  const { width, height } = facts;
  const region = { left: 0, top: 0, width, height };
  const view = { region, width: HASH_SIDE, height: HASH_SIDE, kernel: "linear", background: WHITE } as const;
  // The one reading of all pixels: what is damaged shows here.
  const perceptual = perceptualHash(await codec.render(source, view));
  return { ...facts, format, sha256: await sha256(bytes), perceptual };

  async function ofDicom() {
    const { pixels, frames, burnedIn } = await readDicom(bytes, { limits, frame: 0, codec });
    const { width, height, channels } = pixels;
    return { source: { kind: "pixels", pixels } as const, width, height, channels, frames, burnedIn };
  }

  async function ofFile(raster: Exclude<ImageFormat, "dicom">) {
    const header = await openFile(codec, bytes, raster, limits);
    const { width, height, channels, frames } = header;
    return {
      source: { kind: "file", bytes, header } as const,
      width,
      height,
      channels,
      frames,
      burnedIn: false,
    };
  }
}

export interface MaskFacts {
  readonly width: number;
  readonly height: number;
  /** The numbers that its pixels hold, ascending. */
  readonly values: readonly number[];
}

/** @throws KilotuneError as `readMask` */
export async function maskFacts(
  codec: ImageCodec,
  bytes: Uint8Array,
  limits?: ImageLimits,
): Promise<MaskFacts> {
  const { width, height, data } = await readMask(codec, bytes, limits);
  const seen = new Uint8Array(256);
  for (const value of data) seen[value] = 1;
  return { width, height, values: [...seen.keys()].filter((value) => seen[value] === 1) };
}
