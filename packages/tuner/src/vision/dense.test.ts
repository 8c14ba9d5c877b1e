import type { VisionBackbone } from "@kilotune/backbone";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import type { Session } from "@kilotune/engine";
import { detectionTensors, segmentationTensors, startHead } from "@kilotune/heads";
import { AUGMENTATIONS } from "@kilotune/image";
import { IGNORED, type LabelMap } from "@kilotune/image/masks";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import { runTuning } from "../run-tuning.ts";
import type { LearningTask, Validation } from "../task.ts";
import { openBelow } from "./dense-head.ts";
import {
  chooseDenseSettings,
  type DenseSettings,
  planDetection,
  planSegmentation,
} from "./dense-settings.ts";
import { ap50Of, imageDetection, type LabelledBox, openBoxes } from "./detection.ts";
import { type ImageSource, ImageStore } from "./image-store.ts";
import { alsoOfMasks, imageSegmentation, meanIouOf, openMasks } from "./segmentation.ts";
import type { VisionMethod } from "./settings.ts";

let tiny: Awaited<ReturnType<typeof tinyVisionBackbone>>;
let backbone: VisionBackbone;
const sessions: Session[] = [];
beforeAll(async () => {
  tiny = await tinyVisionBackbone();
  backbone = tiny.backbone;
});
afterAll(async () => {
  await Promise.all(sessions.map((session) => session.release()));
  await tiny[Symbol.asyncDispose]();
});

const IMAGES = 12;

describe.each(["lora", "head"] as const)("masks with %s", (method) => {
  it("are learnt, and scored as they are drawn", async () => {
    const { data, task, validation, settings, plan } = await masksOf(method);
    const { head, prompt, curve } = await runTuning({ settings, task, validation });
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss * 0.6);
    const drawer = await openMasks(backbone, settings, plan);
    let [right, all] = [0, 0];
    for await (const { row, map } of drawer.draw(data.store, { prompt, head })) {
      const truth = await data.map(row);
      expect([map.width, map.height]).toEqual([truth.width, truth.height]);
      truth.data.forEach((label, at) => {
        // What the preprocessing has cut away isn't answered.
        if (map.data[at] === IGNORED) return;
        right += Number(map.data[at] === label);
        all++;
      });
    }
    await drawer.release();
    expect(right / all).toBeGreaterThan(0.9);
    expect(curve.at(-1)!.validationAccuracy).toBeGreaterThan(0.7);
  });
});

describe.each(["kv", "head"] as const)("boxes with %s", (method) => {
  it("are learnt, and found where they are", async () => {
    const { data, task, validation, settings, plan } = await boxesOf(method);
    const { head, prompt, curve } = await runTuning({ settings, task, validation });
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss * 0.6);
    expect(curve.at(-1)!.validationAccuracy).toBeGreaterThan(0.8);
    const finder = await openBoxes(backbone, settings, plan);
    for await (const { row, found } of finder.find(data.store, { prompt, head }, { threshold: 0.3 })) {
      const [wanted] = data.objects[row]!;
      expect(found[0]?.label).toBe(wanted!.label);
      expect(Math.max(...found[0]!.box.map((side, i) => Math.abs(side - wanted!.box[i]!)))).toBeLessThan(5);
    }
    await finder.release();
  });
});

it.each([
  ["masks", masksOf],
  ["boxes", boxesOf],
] as const)("%s: a run that was stopped ends at the same bytes", async (_, of) => {
  const { task, settings } = await of("lora");
  await expectSameAfterStop(task, { ...settings, epochs: 2 });
});

async function expectSameAfterStop(task: LearningTask, settings: DenseSettings): Promise<void> {
  const whole = await runTuning({ settings, task });
  let file = new Uint8Array();
  const save = async (checkpoint: Checkpoint) => {
    file = Uint8Array.from(encodeCheckpoint(checkpoint, "job"));
  };
  let steps = 0;
  const first = { load: async () => undefined, save };
  await runTuning({ settings, task, checkpoint: first, aborted: () => ++steps === 3 });
  const checkpoint = { load: async () => decodeCheckpoint(file, "job"), save };
  expect(await runTuning({ settings, task, checkpoint })).toEqual(whole);
}

function settingsOf(method: VisionMethod): DenseSettings {
  const chosen = chooseDenseSettings(backbone.manifest, { method, trainRows: IMAGES, seed: 3 });
  // Half the steps of the default, for a test's sake, and longer ones.
  const steps = { batchSize: 4, ...(method === "lora" && { promptLearningRate: 5e-3 }) };
  return { ...chosen, ...steps, epochs: 30, copies: 1 };
}

async function masksOf(method: VisionMethod) {
  const settings = settingsOf(method);
  const plan = planSegmentation(backbone.manifest, { classes: 2 });
  const { source, boxes } = await pictures();
  const store = await storeOf(settings, plan, source, alsoOfMasks(backbone, plan));
  const data = {
    store,
    map: async (row: number): Promise<LabelMap> => ({
      ...SIZE,
      data: Uint8Array.from({ length: SIZE.width * SIZE.height }, (_, at) =>
        Number(inside(boxes[row]!, at % SIZE.width, Math.floor(at / SIZE.width))),
      ),
    }),
  };
  const start = startHead(segmentationTensors(plan.spec), prng(3, "head"));
  const task: LearningTask = imageSegmentation(backbone, settings, plan, data, start);
  const validation: Validation = meanIouOf(backbone, settings, plan, data);
  return { data, task, validation, settings, plan };
}

async function boxesOf(method: VisionMethod) {
  const settings = settingsOf(method);
  const { source, boxes } = await pictures();
  const objects = boxes.map((box): LabelledBox[] => [{ label: Number(box[0] < SIZE.width / 2), box }]);
  const images = objects.map((each) => ({ size: SIZE, objects: each }));
  const plan = planDetection(backbone.manifest, { classes: 2, images });
  const data = { store: await storeOf(settings, plan, source), objects };
  const start = startHead(detectionTensors(plan.spec), prng(3, "head"));
  const task: LearningTask = imageDetection(backbone, settings, plan, data, start);
  const validation: Validation = ap50Of(backbone, settings, plan, data);
  return { data, task, validation, settings, plan };
}

async function storeOf(
  settings: DenseSettings,
  plan: { readonly taps: readonly number[] },
  source: ImageSource,
  also?: ReturnType<typeof alsoOfMasks>,
): Promise<ImageStore> {
  const lower = await openBelow(backbone, settings, plan);
  sessions.push(lower);
  const range = {
    ...AUGMENTATIONS.segment,
    leastArea: 1,
    stretch: 1,
    flipX: false,
    flipY: false,
    transpose: false,
  };
  const augmentation = { range, copies: settings.copies, seed: settings.seed };
  return ImageStore.open(backbone, lower, source, { augmentation, ...(also && { also }) });
}

type Square = readonly [number, number, number, number];
const SIZE = { width: 24, height: 24 };
const inside = ([left, top, right, bottom]: Square, x: number, y: number) =>
  x >= left && x < right && y >= top && y < bottom;

/** Noise with a bright square in each. */
async function pictures(): Promise<{ source: ImageSource; boxes: Square[] }> {
  const random = prng(5, "pictures");
  const boxes = Array.from({ length: IMAGES }, (): Square => {
    const [left, top] = [random.integer(16), random.integer(16)];
    return [left, top, left + 8, top + 8];
  });
  const files: Uint8Array[] = [];
  for (const box of boxes) {
    const data = Uint8Array.from({ length: 3 * 24 * 24 }, (_, at) => {
      const pixel = Math.floor(at / 3);
      return (inside(box, pixel % 24, Math.floor(pixel / 24)) ? 180 : 20) + random.integer(60);
    });
    files.push(await encodePng({ ...SIZE, channels: 3, data }));
  }
  const file = async (image: number) => files[image] as Uint8Array;
  return { source: { images: IMAGES, codec: createSharpCodec(), file }, boxes };
}
