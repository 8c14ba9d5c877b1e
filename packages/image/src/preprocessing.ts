import { KilotuneError } from "@kilotune/contract";
import type { Kernel } from "./codec.ts";
import type { Colour } from "./pixels.ts";
import { sha256 } from "./sha256.ts";

/** How an upright image becomes what a backbone was trained on. Its hash binds a prompt to it. */
export interface Preprocessing {
  /** Of the tensor, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly fit: Fit;
  readonly kernel: Kernel;
  /** Under transparent pixels, and around a letterboxed image. */
  readonly background: Colour;
  /** Of each channel, after division by 255. */
  readonly mean: Triple;
  readonly std: Triple;
}

/**
 * letterbox: all of the image, its shape kept, bars around it. crop: the middle of it that has the tensor's shape, `share` of
 * the largest such part (0.875 is "shorter side to 256, then 224"). stretch: all of it, its shape lost. tiles: part by part at
 * its own size, neighbours sharing `overlap` of a tile (see tiles.ts); what looks at it whole sees a letterbox that never grows.
 */
export type Fit =
  | { readonly kind: "letterbox" }
  | { readonly kind: "crop"; readonly share: number }
  | { readonly kind: "stretch" }
  | { readonly kind: "tiles"; readonly overlap: number };

type Triple = readonly [number, number, number];

/** Of ImageNet's training set: DINOv2, MAE and most detectors. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
/** -1 .. 1: Google's supervised ViT. */
export const CENTRED = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
export const CLIP = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;

/** A tensor of 4,096 x 4,096 takes 200 MB; no backbone here looks at a quarter of that. */
const MAX_SIDE = 4096;

/** @throws KilotuneError `bad_preprocessing` */
export function parsePreprocessing(value: unknown): Preprocessing {
  const spec = record(value, "preprocessing");
  const side = (key: "width" | "height") =>
    check(spec[key], key, `a whole number in 1 .. ${MAX_SIDE}`, isWhole(1, MAX_SIDE));
  const triple = (key: string, words: string, test: (x: unknown) => x is number): Triple =>
    check(spec[key], key, `three numbers, ${words}`, (x): x is Triple => {
      return Array.isArray(x) && x.length === 3 && x.every(test);
    });
  return {
    width: side("width"),
    height: side("height"),
    fit: parseFit(spec.fit),
    kernel: check(spec.kernel, "kernel", '"linear" or "cubic"', (x) => x === "linear" || x === "cubic"),
    background: triple("background", "whole ones in 0 .. 255", isWhole(0, 255)),
    mean: triple("mean", "finite ones", (x): x is number => Number.isFinite(x)),
    std: triple("std", "above 0", (x): x is number => Number.isFinite(x) && (x as number) > 0),
  };
}

/**
 * One text for one meaning, whatever the order in which an object's keys were written. `rules` counts changes of the
 * resampling itself: a prompt tuned under other numbers must not pass for this one's.
 */
export function canonicalPreprocessing(spec: Preprocessing): string {
  const { width, height, fit, kernel, background, mean, std } = spec;
  const place = placeOf(fit);
  return JSON.stringify({ rules: 1, width, height, fit: place, kernel, background, mean, std });
}

function placeOf(fit: Fit): Fit {
  switch (fit.kind) {
    case "crop":
      return { kind: fit.kind, share: fit.share };
    case "tiles":
      return { kind: fit.kind, overlap: fit.overlap };
    default:
      return { kind: fit.kind };
  }
}

/** Hexadecimal SHA-256 of the canonical text. */
export function preprocessingSha256(spec: Preprocessing): Promise<string> {
  return sha256(new TextEncoder().encode(canonicalPreprocessing(spec)));
}

function parseFit(value: unknown): Fit {
  const fit = record(value, "fit");
  const kind = check(
    fit.kind,
    "fit.kind",
    '"letterbox", "crop", "stretch" or "tiles"',
    (x) => x === "letterbox" || x === "crop" || x === "stretch" || x === "tiles",
  );
  if (kind === "tiles") {
    const isOverlap = (x: unknown): x is number => typeof x === "number" && x >= 0 && x <= 0.5;
    return { kind, overlap: check(fit.overlap, "fit.overlap", "a number from 0 to 0.5", isOverlap) };
  }
  if (kind !== "crop") return { kind };
  const isShare = (x: unknown): x is number => typeof x === "number" && x > 0 && x <= 1;
  return { kind, share: check(fit.share, "fit.share", "a number above 0, at most 1", isShare) };
}

function isWhole(least: number, most: number) {
  return (x: unknown): x is number => Number.isInteger(x) && (x as number) >= least && (x as number) <= most;
}

function record(value: unknown, name: string): Record<string, unknown> {
  return check(value, name, "an object", (x): x is Record<string, unknown> => {
    return typeof x === "object" && x !== null && !Array.isArray(x);
  });
}

function check<T>(value: unknown, name: string, expected: string, test: (x: unknown) => x is T): T {
  if (test(value)) return value;
  const seen = (JSON.stringify(value) ?? "nothing").slice(0, 80);
  throw new KilotuneError(
    "bad_preprocessing",
    `expected "${name}" to be ${expected}, seen ${seen}.`,
    "Take the settings from the backbone's manifest.",
  );
}
