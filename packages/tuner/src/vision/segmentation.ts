import type { VisionBackbone } from "@kilotune/backbone";
import { type Feeds, float32 } from "@kilotune/engine";
import {
  detailOf,
  type HeadNumbers,
  mapOfLogits,
  type SampledPixels,
  sampleLogits,
  type SegmentationSpec,
  segmentationHead,
  segmentationTargets,
  segmentationTensors,
} from "@kilotune/heads";
import { augmentMap } from "@kilotune/image";
import { type LabelMap, mapToFrame } from "@kilotune/image/masks";
import { SegmentationTally } from "../measure/segmentation.ts";
import { type LearningTask, type Learnt, standardErrorOfShare, type Validation } from "../task.ts";
import { answering, headTensors } from "./dense-head.ts";
import type { DenseSettings } from "./dense-settings.ts";
import type { ImageStore, ImageStoreOptions } from "./image-store.ts";
import { openedSite, visionSite } from "./vision-site.ts";

export interface SegmentationPlan {
  readonly spec: SegmentationSpec;
  /** Layers that the head reads besides the last one. */
  readonly taps: readonly number[];
}

export interface SegmentedImages {
  /** Of a lower graph with the plan's taps, and of `alsoOfMasks`. */
  readonly store: ImageStore;
  /** The classes of an upright image's pixels. */
  map(row: number): Promise<LabelMap>;
}

/** What an `ImageStore` must keep along for a head that draws masks. */
export function alsoOfMasks(
  backbone: VisionBackbone,
  { spec }: SegmentationPlan,
): NonNullable<ImageStoreOptions["also"]> {
  const { width, height } = backbone.manifest.config;
  const s = spec.cellsPerPatch;
  return (tensor) => {
    const detail = detailOf(tensor, width, height, spec);
    const cells = spec.width * spec.height * s * s;
    return { detail: float32(detail, [spec.height * s, spec.width * s, detail.length / cells]) };
  };
}

/** A class for each pixel. @param start `startHead(segmentationTensors(spec), random)` of @kilotune/heads, or numbers learnt before */
export function imageSegmentation(
  backbone: VisionBackbone,
  settings: DenseSettings,
  plan: SegmentationPlan,
  { store, map }: SegmentedImages,
  start: HeadNumbers,
): LearningTask {
  const { spec, taps } = plan;
  const site = visionSite(settings, backbone.manifest);
  const cells = spec.width * spec.height * spec.cellsPerPatch ** 2;
  return {
    site,
    head: headTensors(segmentationTensors(spec), start),
    rows: store,
    open: ({ dropout }) =>
      backbone.openTuned(openedSite(settings, site), segmentationHead(spec, taps), {
        dropout: dropout && site !== undefined,
      }),
    async targets(rows, { batch, epoch }): Promise<Feeds> {
      const targets = new Float32Array(rows.length * cells * spec.classes);
      const weights = new Float32Array(rows.length * cells);
      for (const [at, row] of rows.entries()) {
        const { augmentation, placement } = store.view(row, epoch);
        const whole = await map(row);
        const seen = mapToFrame(augmentation ? augmentMap(whole, augmentation) : whole, placement);
        const each = segmentationTargets(seen, spec);
        targets.set(each.targets, at * cells * spec.classes);
        weights.set(each.weights, at * cells);
      }
      return {
        targets: float32(targets, [rows.length, cells, spec.classes]),
        weights: float32(weights, [rows.length, cells]),
        scale: float32([1 / (cells * batch.length)], []),
      };
    },
  };
}

/** Mean IoU over the pixels of all held-out images that the preprocessing lets be seen, at their own size. */
export function meanIouOf(
  backbone: VisionBackbone,
  settings: DenseSettings,
  plan: SegmentationPlan,
  data: SegmentedImages,
): Validation {
  return {
    // Chance moves a mean over images at the most as it moves a share of so many.
    standardError: (score) => standardErrorOfShare(score, data.store.lengths.length),
    async open() {
      const masks = await openMasks(backbone, settings, plan);
      return {
        async measure(learnt) {
          const tally = new SegmentationTally(plan.spec.classes);
          for await (const { row, map } of masks.draw(data.store, learnt))
            tally.add((await data.map(row)).data, map.data);
          return tally.score().meanIou;
        },
        release: masks.release,
      };
    },
  };
}

export interface MaskDrawer {
  /** Row after row, as it is. */
  draw(store: ImageStore, learnt: Learnt): AsyncGenerator<DrawnMap>;
  release(): Promise<void>;
}

export interface DrawnMap {
  readonly row: number;
  /** Of its cells; until the next row is asked for. */
  readonly logits: Float32Array;
  /** The likeliest class of each pixel of the upright image; computed when it is asked for. */
  readonly map: LabelMap;
  /** At most so many of its pixels, with what they were judged by. */
  sample(most: number): SampledPixels;
}

/** The graph that answers with a learnt prompt and head. */
export async function openMasks(
  backbone: VisionBackbone,
  settings: DenseSettings,
  { spec, taps }: SegmentationPlan,
): Promise<MaskDrawer> {
  const head = { tensors: segmentationTensors(spec), answer: segmentationHead(spec, taps), output: "logits" };
  const { answers, release } = await answering(backbone, settings, head);
  return {
    release,
    async *draw(store, learnt) {
      for await (const { row, numbers } of answers(store, learnt)) {
        const { placement } = store.view(row);
        yield {
          row,
          logits: numbers,
          get map() {
            return mapOfLogits(numbers, spec, placement);
          },
          sample: (most) => sampleLogits(numbers, spec, placement, most),
        };
      }
    },
  };
}
