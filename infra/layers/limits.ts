import type { Precision } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";

/** Sizes in bytes, MB being 10^6 of them. */

/** Lambda's own: code and layers, unzipped. */
export const LAMBDA_UNZIPPED = 262_144_000;
/** Ours for code and layers together: what Lambda allows, less a margin for what it counts that we don't see. */
export const TOTAL_UNZIPPED = 240_000_000;
/** Kept free for a function's own code. */
export const CODE_UNZIPPED = 15_000_000;
/** Of one layer of ONNX Runtime. */
export const ONNXRUNTIME_UNZIPPED = 50_000_000;
/** Of one layer of sharp and libvips, which functions have whose backbone reads images. */
export const SHARP_UNZIPPED = 25_000_000;
/** A larger zip can't be sent within a call to Lambda: it goes through a bucket. */
export const DIRECT_ZIP = 50_000_000;

/** Of a backbone's layer, so that it doesn't grow unseen. One that isn't listed has what `TOTAL_UNZIPPED` leaves. */
const BACKBONE_UNZIPPED: Readonly<Record<Precision, ReadonlyMap<string, number>>> = {
  fp32: new Map([
    ["minilm-l6", 95_000_000],
    ["vit-s14-saliency", 90_000_000],
  ]),
  int8: new Map([["minilm-l6", 40_000_000]]),
};

/**
 * Where a backbone can run: as a layer beside the function, or, where that can't be, within a container image.
 *
 * @param otherBytes of the layers that stand beside it
 */
export function homeOf(backboneBytes: number, otherBytes: number): "layer" | "image" {
  return backboneBytes + otherBytes + CODE_UNZIPPED <= TOTAL_UNZIPPED ? "layer" : "image";
}

/** @throws KilotuneError `over_budget` */
export function assertBackboneBudget(id: string, precision: Precision, bytes: number): void {
  const budget = BACKBONE_UNZIPPED[precision].get(id);
  if (budget !== undefined && bytes > budget)
    throw overBudget(`the backbone ${id} in ${precision}`, bytes, budget);
}

/** @throws KilotuneError `over_budget` */
export function assertOnnxRuntimeBudget(architecture: string, bytes: number): void {
  if (bytes > ONNXRUNTIME_UNZIPPED)
    throw overBudget(`ONNX Runtime for ${architecture}`, bytes, ONNXRUNTIME_UNZIPPED);
}

/** @throws KilotuneError `over_budget` */
export function assertSharpBudget(architecture: string, bytes: number): void {
  if (bytes > SHARP_UNZIPPED) throw overBudget(`sharp for ${architecture}`, bytes, SHARP_UNZIPPED);
}

export function overBudget(what: string, bytes: number, budget: number): KilotuneError {
  return new KilotuneError(
    "over_budget",
    `expected at most ${megabytes(budget)} of ${what}, unzipped; saw ${megabytes(bytes)}`,
    "See which file has grown (npm run layer -- check --json); raise the budget in infra/layers/limits.ts only in a change of its own.",
  );
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
