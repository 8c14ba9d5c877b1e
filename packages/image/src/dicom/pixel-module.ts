import type { DataSet } from "dicom-parser";
import { imageError } from "../image-error.ts";

/** How a file's pixels are stored and what their numbers mean (PS3.3 C.7.6.3, C.11.1, C.11.2). */
export interface PixelModule {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** 1 grey, 3 colour. */
  readonly samples: 1 | 3;
  readonly photometric: "MONOCHROME1" | "MONOCHROME2" | "RGB" | "YBR_FULL" | "YBR_FULL_422";
  /** Colours one plane after the other, not side by side. */
  readonly planar: boolean;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly signed: boolean;
  /** Stored number * slope + intercept = what was measured. */
  readonly slope: number;
  readonly intercept: number;
  /** What of the measured numbers is shown; null: from the least to the greatest of the frame. */
  readonly window: Window | null;
}

export interface Window {
  readonly centre: number;
  readonly width: number;
  readonly shape: "LINEAR" | "LINEAR_EXACT" | "SIGMOID";
}

/** @throws KilotuneError `dicom_no_pixels`, `dicom_pixels`, `dicom_lut` */
export function pixelModule(dataSet: DataSet, frame: number): PixelModule {
  const number = (tag: string, missing: number) => dataSet.uint16(tag) ?? missing;
  const [rows, columns] = [number("x00280010", 0), number("x00280011", 0)];
  if (dataSet.elements.x7fe00010 === undefined || rows === 0 || columns === 0) {
    throw imageError(
      "dicom_no_pixels",
      "expected a DICOM image, seen a file without pixels.",
      "Leave out reports and structures.",
    );
  }
  const photometric = dataSet.string("x00280004") ?? "";
  const samples = number("x00280002", 1);
  const [bitsAllocated, bitsStored] = [number("x00280100", 0), number("x00280101", 0)];
  const known = samples === 1 ? /^MONOCHROME[12]$/ : /^(?:RGB|YBR_FULL(?:_422)?)$/;
  const depths = samples === 1 ? [8, 16] : [8];
  const sound =
    (samples === 1 || samples === 3) &&
    known.test(photometric) &&
    depths.includes(bitsAllocated) &&
    bitsStored >= 1 &&
    bitsStored <= bitsAllocated &&
    number("x00280102", bitsStored - 1) === bitsStored - 1;
  if (!sound) {
    const seen = `${samples} samples of ${bitsStored} in ${bitsAllocated} bits as ${/^[A-Z0-9_ ]{1,16}$/.test(photometric) ? photometric : "an unknown kind"}`;
    throw imageError(
      "dicom_pixels",
      `expected grey pixels of 8 or 16 bits or colours of 8, seen ${seen}.`,
      "Convert the series to explicit little endian, MONOCHROME2 or RGB.",
    );
  }
  const frames = Math.max(1, Math.trunc(dataSet.intString("x00280008") ?? 1));
  const transform = groupOf(dataSet, frame, "x00289145", "x00281053") ?? dataSet;
  const shown = groupOf(dataSet, frame, "x00289132", "x00281050") ?? dataSet;
  if (dataSet.elements.x00283000 !== undefined) throw lookupTable("modality");
  const window = windowOf(shown);
  if (window === null && dataSet.elements.x00283010 !== undefined) throw lookupTable("display");
  return {
    rows,
    columns,
    frames,
    samples: samples as 1 | 3,
    photometric: photometric as PixelModule["photometric"],
    planar: number("x00280006", 0) === 1,
    bitsAllocated: bitsAllocated as 8 | 16,
    bitsStored,
    signed: number("x00280103", 0) === 1,
    slope: finite(transform.floatString("x00281053"), 1),
    intercept: finite(transform.floatString("x00281052"), 0),
    window,
  };
}

/** Enhanced files keep these numbers in a group of the frame, or in one that all frames share. */
function groupOf(dataSet: DataSet, frame: number, group: string, tag: string): DataSet | undefined {
  const items = [dataSet.elements.x52009230?.items?.[frame], dataSet.elements.x52009229?.items?.[0]];
  return items
    .map((item) => item?.dataSet?.elements[group]?.items?.[0]?.dataSet)
    .find((found) => found?.elements[tag] !== undefined);
}

function windowOf(dataSet: DataSet): Window | null {
  const centre = dataSet.floatString("x00281050", 0);
  const width = dataSet.floatString("x00281051", 0);
  if (centre === undefined || width === undefined || !Number.isFinite(centre) || !(width > 0)) return null;
  const shape = dataSet.string("x00281056");
  return { centre, width, shape: shape === "LINEAR_EXACT" || shape === "SIGMOID" ? shape : "LINEAR" };
}

function lookupTable(which: string) {
  return imageError(
    "dicom_lut",
    `expected a slope and a window, seen a ${which} lookup table.`,
    "Export the series with its values applied, or add a window.",
  );
}

function finite(value: number | undefined, missing: number): number {
  return value === undefined || !Number.isFinite(value) ? missing : value;
}
