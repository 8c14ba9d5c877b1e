import type { VisionBackbone } from "@kilotune/backbone";
import { type Feeds, float32 } from "@kilotune/engine";
import {
  type DecodeOptions,
  type DetectionSpec,
  decodeDetections,
  detectionHead,
  detectionTargets,
  detectionTensors,
  type Found,
  type HeadNumbers,
} from "@kilotune/heads";
import { augmentBoxes, type Box, boxToFrame, boxToImage } from "@kilotune/image";
import { scoreDetections } from "../measure/average-precision.ts";
import { type LearningTask, type Learnt, standardErrorOfShare, type Validation } from "../task.ts";
import { answering, headTensors } from "./dense-head.ts";
import type { DenseSettings } from "./dense-settings.ts";
import type { ImageStore } from "./image-store.ts";
import { openedSite, visionSite } from "./vision-site.ts";

export interface DetectionPlan {
  readonly spec: DetectionSpec;
  /** Layers that the head reads besides the last one. */
  readonly taps: readonly number[];
}

export interface LabelledBox {
  /** 0 .. classes - 1 */
  readonly label: number;
  /** In pixels of the upright image. */
  readonly box: Box;
}

export interface ImagesWithBoxes {
  /** Of a lower graph with the plan's taps. */
  readonly store: ImageStore;
  /** Of each row. */
  readonly objects: readonly (readonly LabelledBox[])[];
}

/** A box for each object. @param start `startHead(detectionTensors(spec), random)` of @kilotune/heads, or numbers learnt before */
export function imageDetection(
  backbone: VisionBackbone,
  settings: DenseSettings,
  { spec, taps }: DetectionPlan,
  { store, objects }: ImagesWithBoxes,
  start: HeadNumbers,
): LearningTask {
  const site = visionSite(settings, backbone.manifest);
  const R = spec.width * spec.height * spec.cellsPerPatch ** 2;
  const C = spec.classes;
  return {
    site,
    head: headTensors(detectionTensors(spec), start),
    rows: store,
    open: ({ dropout }) =>
      backbone.openTuned(openedSite(settings, site), detectionHead(spec, taps), {
        dropout: dropout && site !== undefined,
      }),
    targets(rows, { batch, epoch }): Feeds {
      const B = rows.length;
      const middles = new Float32Array(B * R * C);
      const elsewhere = new Float32Array(B * R * C);
      const sides = new Float32Array(B * R * 4);
      const inside = new Float32Array(B * R);
      rows.forEach((row, at) => {
        const { augmentation, placement } = store.view(row, epoch);
        const whole = objects[row] as readonly LabelledBox[];
        const seen = (augmentation ? augmentBoxes(whole, augmentation) : whole).flatMap(({ label, box }) => {
          const inFrame = boxToFrame(box, placement);
          return inFrame === null ? [] : [{ label, box: inFrame }];
        });
        const each = detectionTargets(seen, spec);
        middles.set(each.middles, at * R * C);
        elsewhere.set(each.elsewhere, at * R * C);
        sides.set(each.sides, at * R * 4);
        inside.set(each.inside, at * R);
      });
      const wanted = batch.reduce((sum, row) => sum + (objects[row] as readonly LabelledBox[]).length, 0);
      return {
        middles: float32(middles, [B, R, C]),
        elsewhere: float32(elsewhere, [B, R, C]),
        sides: float32(sides, [B, R, 4]),
        inside: float32(inside, [B, R]),
        scale: float32([1 / Math.max(1, wanted)], []),
      };
    },
  };
}

/** COCO's mean average precision at an overlap of 0.5 on held-out images; 0 where they have no object. */
export function ap50Of(
  backbone: VisionBackbone,
  settings: DenseSettings,
  plan: DetectionPlan,
  data: ImagesWithBoxes,
): Validation {
  const wanted = data.objects.reduce((sum, each) => sum + each.length, 0);
  return {
    standardError: (score) => standardErrorOfShare(score, wanted),
    async open() {
      const boxes = await openBoxes(backbone, settings, plan);
      return {
        async measure(learnt) {
          const images = [];
          for await (const { row, found } of boxes.find(data.store, learnt))
            images.push({
              truths: (data.objects[row] as readonly LabelledBox[]).map(inShape),
              detections: found.map((each) => ({ ...inShape(each), score: each.score })),
            });
          return scoreDetections(images, plan.spec.classes).ap50 ?? 0;
        },
        release: boxes.release,
      };
    },
  };
}

/** A box as the measures want it. */
export function inShape({ label, box }: LabelledBox) {
  return { label, shape: { kind: "box", box } as const };
}

export interface BoxFinder {
  /** Row after row, as it is: objects in pixels of the upright image, the surest first. */
  find(
    store: ImageStore,
    learnt: Learnt,
    options?: DecodeOptions,
  ): AsyncGenerator<{ row: number; found: Found[] }>;
  release(): Promise<void>;
}

/** The graph that answers with a learnt prompt and head. */
export async function openBoxes(
  backbone: VisionBackbone,
  settings: DenseSettings,
  { spec, taps }: DetectionPlan,
): Promise<BoxFinder> {
  const head = { tensors: detectionTensors(spec), answer: detectionHead(spec, taps), output: "output" };
  const { answers, release } = await answering(backbone, settings, head);
  return {
    release,
    async *find(store, learnt, options) {
      for await (const { row, numbers } of answers(store, learnt)) {
        const { placement } = store.view(row);
        const found = decodeDetections(numbers, spec, options).flatMap((each) => {
          const box = boxToImage(each.box, placement);
          return box === null ? [] : [{ ...each, box }];
        });
        yield { row, found };
      }
    },
  };
}
