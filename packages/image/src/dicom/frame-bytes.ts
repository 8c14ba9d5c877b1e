import dicomParser, { type DataSet, type Element } from "dicom-parser";
import { imageError, unreadable } from "../image-error.ts";
import type { PixelModule } from "./pixel-module.ts";
import { decodeRle } from "./rle-frame.ts";

/** A frame's numbers as they are stored, or a JPEG file that holds them. */
export type FrameBytes =
  | { readonly kind: "stored"; readonly values: Uint16Array }
  | { readonly kind: "jpeg"; readonly bytes: Uint8Array };

const IMPLICIT = "1.2.840.10008.1.2";
const EXPLICIT = "1.2.840.10008.1.2.1";
const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const JPEG_BASELINE = "1.2.840.10008.1.2.4.50";
const RLE = "1.2.840.10008.1.2.5";

/** @throws KilotuneError `dicom_compression`, `image_unreadable` */
export function frameBytes(dataSet: DataSet, pixel: PixelModule, frame: number): FrameBytes {
  const syntax = dataSet.string("x00020010") ?? IMPLICIT;
  const element = dataSet.elements.x7fe00010!;
  const samples = pixel.rows * pixel.columns * pixel.samples;
  const length = (samples * pixel.bitsAllocated) / 8;
  if (syntax === JPEG_BASELINE) return { kind: "jpeg", bytes: fragmentsOf(dataSet, element, pixel, frame) };
  if (syntax === RLE) {
    const planes = decodeRle(fragmentsOf(dataSet, element, pixel, frame), samples, pixel.bitsAllocated / 8);
    // Each sample is a segment of its own there, so the colours come one plane after the other.
    return { kind: "stored", values: pixel.samples === 3 && !pixel.planar ? interleaved(planes) : planes };
  }
  if (syntax !== IMPLICIT && syntax !== EXPLICIT && syntax !== BIG_ENDIAN) throw otherSyntax(syntax);
  if (pixel.photometric === "YBR_FULL_422") throw otherSyntax("YBR_FULL_422");
  const start = element.dataOffset + frame * length;
  if (
    element.encapsulatedPixelData ||
    (frame + 1) * length > element.length ||
    start + length > dataSet.byteArray.length
  )
    throw unreadable("DICOM", new Error("its pixels end before the frame does"));
  const view = new DataView(dataSet.byteArray.buffer, dataSet.byteArray.byteOffset + start, length);
  const little = syntax !== BIG_ENDIAN;
  const values = new Uint16Array(samples);
  for (let i = 0; i < samples; i++)
    values[i] = pixel.bitsAllocated === 8 ? view.getUint8(i) : view.getUint16(i * 2, little);
  return { kind: "stored", values };
}

/** A frame's part of the encapsulated pixel data (PS3.5 A.4). */
function fragmentsOf(dataSet: DataSet, element: Element, { frames }: PixelModule, frame: number): Uint8Array {
  try {
    const fragments = element.fragments ?? [];
    if (frames === 1)
      return dicomParser.readEncapsulatedPixelDataFromFragments(
        dataSet,
        element,
        0,
        fragments.length,
      ) as Uint8Array;
    if (fragments.length === frames)
      return dicomParser.readEncapsulatedPixelDataFromFragments(dataSet, element, frame, 1) as Uint8Array;
    return dicomParser.readEncapsulatedImageFrame(dataSet, element, frame) as Uint8Array;
  } catch (error) {
    throw unreadable("DICOM", error instanceof Error ? error : new Error("its frames can't be told apart"));
  }
}

function interleaved(planes: Uint16Array): Uint16Array {
  const pixels = planes.length / 3;
  return Uint16Array.from(planes, (_, i) => planes[(i % 3) * pixels + Math.floor(i / 3)]!);
}

function otherSyntax(syntax: string) {
  const names: Record<string, string> = {
    "1.2.840.10008.1.2.4.57": "lossless JPEG",
    "1.2.840.10008.1.2.4.70": "lossless JPEG",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
  };
  const seen = names[syntax] ?? (/^[\w.]{1,64}$/.test(syntax) ? syntax : "an unknown one");
  return imageError(
    "dicom_compression",
    `expected pixels stored plainly, as RLE or as baseline JPEG, seen ${seen}.`,
    "Decompress the file first: gdcmconv --raw IN OUT, or dcmdjpeg IN OUT.",
  );
}
