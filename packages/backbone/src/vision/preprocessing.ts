import type { Fit, Preprocessing } from "@kilotune/image";
import { badConfig, type Fields, object } from "../config-fields.ts";
import type { ImageSize } from "./config.ts";

/** Constants of image sets, as @kilotune/image has them: the default of a family whose checkpoint doesn't say. */
export interface ImageDefaults {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly fit: Fit;
  readonly kernel: Preprocessing["kernel"];
  /** Default black. */
  readonly background?: Preprocessing["background"];
}

/**
 * Parses transformers' `preprocessor_config.json`, for images of `size`: resized and cropped in the middle, or stretched. A
 * checkpoint without one gets its family's defaults.
 * @throws KilotuneError `bad_config`
 */
export function parsePreprocessor(json: unknown, size: ImageSize, defaults: ImageDefaults): Preprocessing {
  const [height, width] = size;
  const fields = json === undefined ? {} : object(json, "preprocessor_config.json");
  return {
    width,
    height,
    fit: fitOf(fields, defaults.fit),
    kernel: kernelOf(fields, defaults.kernel),
    background: defaults.background ?? [0, 0, 0],
    mean: triple(fields, "image_mean", defaults.mean),
    std: triple(fields, "image_std", defaults.std),
  };
}

function fitOf(fields: Fields, fallback: Fit): Fit {
  if (fields.do_center_crop === true || fields.crop_size !== undefined) {
    const shorter = sideOf(fields.size, "shortest_edge");
    const crop = sideOf(fields.crop_size, "height");
    if (shorter === undefined || crop === undefined) return fallback;
    return { kind: "crop", share: Math.min(1, crop / shorter) };
  }
  return fields.size === undefined ? fallback : { kind: "stretch" };
}

/** `size` is a number in old files, an object of several spellings in newer ones. */
function sideOf(size: unknown, name: string): number | undefined {
  const value =
    typeof size === "object" && size !== null
      ? ((size as Fields)[name] ?? (size as Fields).height ?? (size as Fields).shortest_edge)
      : size;
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}

/** Pillow's numbers: 2 bilinear, 3 bicubic. */
function kernelOf(fields: Fields, fallback: Preprocessing["kernel"]): Preprocessing["kernel"] {
  if (fields.resample === undefined || fields.resample === null) return fallback;
  if (fields.resample === 2) return "linear";
  if (fields.resample === 3) return "cubic";
  throw badConfig("resample", "2 (bilinear) or 3 (bicubic)", fields.resample);
}

function triple(fields: Fields, name: string, fallback: Preprocessing["mean"]): Preprocessing["mean"] {
  const value = fields[name] ?? fallback;
  const isGood = Array.isArray(value) && value.length === 3 && value.every((each) => Number.isFinite(each));
  if (!isGood || (name === "image_std" && value.some((each) => each <= 0)))
    throw badConfig(name, "three finite numbers, deviations above 0", value);
  return value as unknown as Preprocessing["mean"];
}
