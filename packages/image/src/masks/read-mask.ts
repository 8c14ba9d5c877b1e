import type { ImageCodec } from "../codec.ts";
import { imageError } from "../image-error.ts";
import { checkBytes, DEFAULT_LIMITS, type ImageLimits, openFile } from "../limits.ts";
import type { Pixels } from "../pixels.ts";
import { IGNORED, type LabelMap } from "./label-map.ts";

/**
 * A mask file: the number of each pixel, as a palette's index or a grey level. Only PNG: what loses a bit loses a class.
 *
 * @throws KilotuneError `mask_format`, `mask_kind`, and as `prepareImage`
 */
export async function readMask(
  codec: ImageCodec,
  bytes: Uint8Array,
  limits: ImageLimits = DEFAULT_LIMITS,
): Promise<LabelMap> {
  const format = checkBytes(bytes, limits);
  if (format !== "png") {
    throw imageError(
      "mask_format",
      `expected a mask in PNG, seen ${format}.`,
      "Save masks as PNG: JPEG blurs classes.",
    );
  }
  const header = await openFile(codec, bytes, format, limits);
  const { colour, bits, palette } = pngKind(bytes);
  if ((colour !== GREY && colour !== PALETTE) || bits > 8) {
    const seen = { 2: "colours", 4: "grey with alpha", 6: "colours with alpha" }[colour] ?? `${bits} bits`;
    const hint = "Save the number of each pixel's class, not its colour.";
    throw imageError(
      "mask_kind",
      `expected a mask of a palette or of 8-bit grey without alpha, seen ${seen}.`,
      hint,
    );
  }
  const { width, height } = header;
  const region = { left: 0, top: 0, width, height };
  const pixels = await codec.render(
    { kind: "file", bytes, header },
    { region, width, height, kernel: "linear", background: [0, 0, 0] },
  );
  if (colour === PALETTE) return { width, height, data: indicesOf(pixels, palette) };
  // Decoders spread 1, 2 and 4 bits over 0 .. 255; a mask's numbers are the stored ones. 1 bit stays 0 and 255, as Pillow has it.
  const step = bits === 2 || bits === 4 ? 255 / (2 ** bits - 1) : 1;
  const { channels, data } = pixels;
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height }, (_, i) => data[i * channels]! / step),
  };
}

/** Numbers as stored -> their place in `values`; all others are ignored, as Pascal VOC's borders are. */
export function relabel({ data, ...size }: LabelMap, values: readonly number[]): LabelMap {
  const places = new Uint8Array(256).fill(IGNORED);
  values.forEach((value, place) => {
    places[value] = place;
  });
  return { ...size, data: data.map((value) => places[value]!) };
}

const GREY = 0;
const PALETTE = 3;

/** Header and palette of a PNG whose header a decoder has read (PNG specification, 11.2). */
function pngKind(bytes: Uint8Array): { colour: number; bits: number; palette: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let palette = new Uint8Array();
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    if (name === "PLTE") palette = Uint8Array.from(body);
    if (name === "IDAT") break;
    if (name === "tRNS")
      throw imageError(
        "mask_kind",
        "expected a mask without alpha, seen transparent colours.",
        "Save it without transparency.",
      );
  }
  return { bits: bytes[24] ?? 0, colour: bytes[25] ?? -1, palette };
}

/** Decoders give a palette's colours: back to its numbers, the first of equal colours. */
function indicesOf({ width, height, channels, data }: Pixels, palette: Uint8Array): Uint8Array {
  const numbers = new Map<number, number>();
  for (let i = palette.length / 3 - 1; i >= 0; i--)
    numbers.set((palette[3 * i]! << 16) | (palette[3 * i + 1]! << 8) | palette[3 * i + 2]!, i);
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [r, g, b] =
      channels === 3 ? [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!] : [data[i]!, data[i]!, data[i]!];
    const number = numbers.get((r << 16) | (g << 8) | b);
    if (number !== undefined) return number;
    throw imageError(
      "mask_kind",
      "expected a mask whose colours are its palette's, seen others.",
      "Save the mask again.",
    );
  });
}
