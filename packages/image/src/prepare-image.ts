import type { ImageCodec, Source } from "./codec.ts";
import { readDicom } from "./dicom/read-dicom.ts";
import { checkBytes, DEFAULT_LIMITS, type ImageLimits } from "./limits.ts";
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

/**
 * The bytes of an image file -> what a backbone takes.
 *
 * @param out where given, the tensor is written there from `at` on: rows of a batch share one array
 * @throws KilotuneError of kind input: `image_empty`, `image_too_many_bytes`, `image_format`, `image_too_large`,
 *   `image_depth`, `image_unreadable`, `dicom_*`
 */
export async function prepareImage(
  codec: ImageCodec,
  bytes: Uint8Array,
  spec: Preprocessing,
  options: ReadOptions & { readonly out?: Float32Array; readonly at?: number } = {},
): Promise<Prepared> {
  const source = await openSource(codec, bytes, options);
  const placement = place(sizeOf(source), spec);
  const { region, inner } = placement;
  const view = {
    region,
    width: inner.width,
    height: inner.height,
    kernel: spec.kernel,
    background: spec.background,
  };
  const pixels = await codec.render(source, view);
  const tensor = options.out ?? new Float32Array(3 * spec.width * spec.height);
  writeTensor(pixels, placement, spec, tensor, options.at ?? 0);
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

export const WHITE: Colour = [255, 255, 255];

export async function openSource(
  codec: ImageCodec,
  bytes: Uint8Array,
  { limits = DEFAULT_LIMITS, frame = 0 }: ReadOptions,
): Promise<Source> {
  const format = checkBytes(bytes, limits);
  if (format === "dicom")
    return { kind: "pixels", pixels: (await readDicom(bytes, { limits, frame, codec })).pixels };
  return { kind: "file", bytes, header: await codec.inspect(bytes, format) };
}

export function sizeOf(source: Source): Size {
  const { width, height } = source.kind === "file" ? source.header : source.pixels;
  return { width, height };
}
