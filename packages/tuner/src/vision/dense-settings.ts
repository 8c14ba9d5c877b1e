import type { VisionManifest } from "@kilotune/backbone";
import { gridOf } from "@kilotune/backbone";
import { boxToFrame, place, type Size } from "@kilotune/image";
import type { DetectionPlan, LabelledBox } from "./detection.ts";
import type { SegmentationPlan } from "./segmentation.ts";
import type { VisionMethod, VisionSettings } from "./settings.ts";

/** Every knob of a run of segmentation or detection. */
export type DenseSettings = Omit<VisionSettings, "feature" | "temperature">;

export interface DenseWish {
  readonly method: VisionMethod;
  readonly trainRows: number;
  readonly seed: number;
  /** Of a prompt; of lora its rank. */
  readonly tokens?: number;
  readonly firstLayer?: number;
  readonly epochs?: number;
  /** The head was learnt alone before, on the same images. */
  readonly headStands?: boolean;
  /** Default "detect". */
  readonly task?: "segment" | "detect";
}

/** Settings that need no tuning by the user; what the user gave goes first. */
export function chooseDenseSettings(
  { config }: Pick<VisionManifest, "config">,
  { method, trainRows, seed, task = "detect", ...given }: DenseWish,
): DenseSettings {
  // Steps are what counts, and an image costs the same in any batch: on bccd at 252 x 336, LoRA from nothing, five epochs, batches
  // of 2 at 2e-3 ended at a loss of 2.07, of 4 at 1e-3 at 2.26 (mAP@0.5 of held-out images 0.49 and 0.50: too short to tell).
  const batchSize = 2;
  const steps = Math.ceil(Math.max(1, trainRows) / batchSize);
  return {
    method,
    // Of masks less, since their head is larger: both together are at most 400 KB in halves on a backbone of ViT-S's sizes.
    tokens: given.tokens ?? (method === "border" ? usualBorder(config) : task === "segment" ? 6 : 8),
    firstLayer: firstLayerOf(method, config.layers, given.firstLayer),
    epochs: given.epochs ?? Math.min(80, Math.max(8, Math.round(STEPS / steps))),
    batchSize,
    promptLearningRate: method === "lora" ? 2e-3 : method === "channels" ? 3e-3 : 1e-2,
    // Kumar et al., arXiv:2202.10054: what a head alone has learnt is the start, and not to be thrown away. From nothing, at
    // 5e-3, LoRA drew held-out membranes no better than a head of as many epochs (mean IoU 74.3 and 74.5 after 10).
    headLearningRate: given.headStands ? 3e-3 : 1e-2,
    dropout: 0,
    warmup: 0.1,
    clipNorm: 1,
    copies: 7,
    seed,
  };
}

/** In pixels: a border of one in sixteen of the shorter side has some 25 % of a square image's pixels. */
export function usualBorder({ width, height }: Pick<VisionManifest["config"], "width" | "height">): number {
  return Math.max(1, Math.round(Math.min(width, height) / 16));
}

/** A head starts from nothing, so that it is steps that count and not epochs. */
const STEPS = 1000;

function firstLayerOf(method: VisionMethod, layers: number, given: number | undefined): number {
  // Nothing but the last layer is computed again for a head alone.
  if (method === "head") return layers - 1;
  // All layers. On held-out images of membrane, LoRA from the middle on was no better than a head alone of as many epochs
  // (mean IoU 72.6 vs 72.8, 224 pixels); in all layers it was (74.7 vs 72.5, 392 pixels, 20 epochs).
  return method === "soft" || method === "border" ? 0 : (given ?? 0);
}

/**
 * A head of about 150 KB in halves whose patches say something of each of their cells, or of 100 without `byCell`, where a patch has
 * many cells and that would be most of the head. By mean IoU of held-out membranes (10 epochs, seed 0) a head alone had 76.0 % with it
 * and 75.2 without, LoRA of rank 6 with it 78.8 (at twice
 * the rate 78.7), of rank 8 without 78.3.
 */
export function planSegmentation(
  { config }: Pick<VisionManifest, "config">,
  given: { readonly classes: number; readonly byCell?: boolean },
): SegmentationPlan {
  const taps = tapsOf(config);
  const { patchSize } = config;
  // The finest of cells of at least two pixels: below, what is drawn is the interpolation's.
  const cellsPerPatch = Math.max(
    ...Array.from({ length: Math.max(1, patchSize >> 1) }, (_, i) => i + 1).filter(
      (s) => patchSize % s === 0,
    ),
  );
  const byCell = given.byCell ?? cellsPerPatch <= MOST_CELLS;
  const cells = { cellsPerPatch, cellWidth: 16, ...(byCell && { byCell }) };
  return { taps, spec: { ...gridSpec(config, taps), classes: given.classes, ...cells } };
}

/** Across a patch: 65 KB in halves say something of each of 8 x 8. */
const MOST_CELLS = 8;

/**
 * A head of about 100 KB in halves, whose distances start from the usual object of the rows that it learns from.
 *
 * @param images sizes of the upright images and their objects
 */
export function planDetection(
  { config, preprocessing }: Pick<VisionManifest, "config" | "preprocessing">,
  about: {
    readonly classes: number;
    readonly images: readonly { readonly size: Size; readonly objects: readonly LabelledBox[] }[];
  },
): DetectionPlan {
  const taps = tapsOf(config);
  const cellsPerPatch = 2;
  const cellSize = config.patchSize / cellsPerPatch;
  const sides = about.images
    .flatMap(({ size, objects }) => {
      const placement = place(size, preprocessing);
      return objects.flatMap(({ box }) => {
        const seen = boxToFrame(box, placement);
        return seen === null ? [] : [Math.sqrt((seen[2] - seen[0]) * (seen[3] - seen[1]))];
      });
    })
    .sort((a, b) => a - b);
  const usualReach = (sides[sides.length >> 1] ?? 4 * cellSize) / 2 / cellSize;
  return {
    taps,
    spec: { ...gridSpec(config, taps), classes: about.classes, cellsPerPatch, cellSize, usualReach },
  };
}

function gridSpec(config: VisionManifest["config"], taps: readonly number[]) {
  const [height, width] = gridOf(config);
  return { width, height, hiddenSize: config.hiddenSize, layers: taps.length + 1, innerWidth: 32 };
}

/** A third and two thirds of the way up: edges below, meaning above. */
function tapsOf({ layers }: { readonly layers: number }): number[] {
  return [...new Set([Math.round(layers / 3), Math.round((2 * layers) / 3)])].filter(
    (tap) => tap >= 1 && tap < layers,
  );
}
