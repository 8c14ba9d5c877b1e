import type { ImageCodec, Source } from "./codec.ts";
import { readDicom } from "./dicom/read-dicom.ts";
import { checkBytes, DEFAULT_LIMITS, type ImageLimits, openFile } from "./limits.ts";
import type { Colour, Pixels } from "./pixels.ts";
import { type Placement, place, type Size } from "./placement.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { writeTensor } from "./tensor.ts";

export interface Prepared {
  /** [3, height, width] float32. */
  readonly tensor: Float32Array;
  /** To bring boxes and masks from the image to the tensor and back. */
  readonly placement: Placement;
}

export interface ReadOptions {
  readonly limits?: ImageLimits;
  /** Of a DICOM file with several frames, from 0; other files give their first. */
  readonly frame?: number;
}

/** Where the tensor is written: rows of a batch share one array. */
interface Out {
  readonly out?: Float32Array;
  /** Of the row's first number. */
  readonly at?: number;
}

/**
 * The bytes of an image file -> what a backbone takes.
 *
 * @throws KilotuneError of kind input: `image_empty`, `image_too_many_bytes`, `image_format`, `image_too_large`,
 *   `image_depth`, `image_unreadable`, `dicom_*`
 */
export async function prepareImage(
  codec: ImageCodec,
  bytes: Uint8Array,
  spec: Preprocessing,
  options: ReadOptions & Out = {},
): Promise<Prepared> {
  return prepare(codec, await openSource(codec, bytes, options), spec, options);
}

/** The same for an upright image that was decoded, and changed, before. */
export function preparePixels(
  codec: ImageCodec,
  pixels: Pixels,
  spec: Preprocessing,
  options: Out = {},
): Promise<Prepared> {
  return prepare(codec, { kind: "pixels", pixels }, spec, options);
}

async function prepare(
  codec: ImageCodec,
  source: Source,
  spec: Preprocessing,
  { out, at = 0 }: Out,
): Promise<Prepared> {
  const placement = place(sizeOf(source), spec);
  const { region, inner } = placement;
  const { kernel, background } = spec;
  const view = { region, width: inner.width, height: inner.height, kernel, background };
  const pixels = await codec.render(source, view);
  const tensor = out ?? new Float32Array(3 * spec.width * spec.height);
  writeTensor(pixels, placement, spec, tensor, at);
  return { tensor, placement };
}

/**
 * The upright image at its own size, for augmentation and for drawing on.
 *
 * @throws as `prepareImage`
 */
export async function decodeImage(
  codec: ImageCodec,
  bytes: Uint8Array,
  options: ReadOptions & { readonly background?: Colour } = {},
): Promise<Pixels> {
  const source = await openSource(codec, bytes, options);
  const { width, height } = sizeOf(source);
  const region = { left: 0, top: 0, width, height };
  const background = options.background ?? WHITE;
  return codec.render(source, { region, width, height, kernel: "linear", background });
}

/**
 * Of the upright image, by its header alone where it has one.
 *
 * @throws as `prepareImage`, but for what only decoding shows
 */
export async function sizeOfImage(
  codec: ImageCodec,
  bytes: Uint8Array,
  options: ReadOptions = {},
): Promise<Size> {
  return sizeOf(await openSource(codec, bytes, options));
}

export const WHITE: Colour = [255, 255, 255];

async function openSource(
  codec: ImageCodec,
  bytes: Uint8Array,
  { limits = DEFAULT_LIMITS, frame = 0 }: ReadOptions,
): Promise<Source> {
  const format = checkBytes(bytes, limits);
  if (format === "dicom")
    return { kind: "pixels", pixels: (await readDicom(bytes, { limits, frame, codec })).pixels };
  return { kind: "file", bytes, header: await openFile(codec, bytes, format, limits) };
}

function sizeOf(source: Source): Size {
  const { width, height } = source.kind === "file" ? source.header : source.pixels;
  return { width, height };
}
