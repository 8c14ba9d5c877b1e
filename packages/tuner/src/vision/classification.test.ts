import type { VisionBackbone } from "@kilotune/backbone";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import type { Session } from "@kilotune/engine";
import { AUGMENTATIONS } from "@kilotune/image";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import { classMeans } from "../head/class-means.ts";
import { openLinearSession } from "../head/linear-session.ts";
import { promptFeed } from "../prompt-site.ts";
import { runTuning } from "../run-tuning.ts";
import { type ClassifiedImages, imageAccuracy, imageClassification } from "./classification.ts";
import { deepPrefix } from "../deep-prefix.ts";
import { embedImages } from "./embed-images.ts";
import { featureWanted } from "./held-out-vectors.ts";
import { ImageStore } from "./image-store.ts";
import type { VisionMethod, VisionSettings } from "./settings.ts";
import { toyImages, VISION_SETTINGS } from "./testing.ts";
import { openedSite, visionSite } from "./vision-site.ts";

let tiny: Awaited<ReturnType<typeof tinyVisionBackbone>>;
let backbone: VisionBackbone;
const open: Session[] = [];
beforeAll(async () => {
  tiny = await tinyVisionBackbone();
  backbone = tiny.backbone;
});
afterAll(async () => {
  await Promise.all(open.map((session) => session.release()));
  await tiny[Symbol.asyncDispose]();
});

const METHODS: VisionSettings[] = (
  [
    { method: "deep", firstLayer: 1, feature: "mean" },
    { method: "kv", firstLayer: 0, feature: "cls" },
    { method: "soft", firstLayer: 0, feature: "cls" },
    { method: "lora", firstLayer: 1, feature: "mean" },
    { method: "head", firstLayer: 2, feature: "cls" },
  ] as const
).map((given) => ({
  ...VISION_SETTINGS,
  ...given,
  copies: given.method === "lora" ? 2 : 0,
  dropout: given.method === "deep" ? 0.1 : 0,
}));

describe.each(METHODS)("$method on images", (settings) => {
  let data: ClassifiedImages;
  let prototypes: Float32Array;

  beforeAll(async () => {
    data = await dataOf(settings, "train", 8);
    prototypes = await meansOf(settings, data);
  });

  it("learns, and changes nothing that it was given", async () => {
    const given = prototypes.slice();
    const long = { ...settings, epochs: 15 };
    const { end, curve, prompt, head } = await runTuning({ settings: long, task: taskOf(long) });
    expect(end).toBe("done");
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss * 0.8);
    expect(prompt.length === 0).toBe(settings.method === "head");
    expect(head.prototypes).not.toEqual(given);
    expect(prototypes).toEqual(given);
  });

  it("stopped after any step and gone on with from a file, ends at the identical bytes", async () => {
    const run = { settings, task: taskOf(settings) };
    const whole = await runTuning(run);
    expect(await runTuning(run)).toEqual(whole);
    for (const cut of [1, 4, 8]) {
      let file = new Uint8Array();
      const save = async (checkpoint: Checkpoint) => {
        file = Uint8Array.from(encodeCheckpoint(checkpoint, "job"));
      };
      const checkpoint = { load: async () => undefined, save };
      let steps = 0;
      await runTuning({ ...run, checkpoint, aborted: () => ++steps === cut });
      const load = async () => decodeCheckpoint(file, "job");
      expect(await runTuning({ ...run, checkpoint: { load, save } })).toEqual(whole);
    }
  });

  it("is scored on held-out images by the numbers that it answers with", async () => {
    const linear = await openLinearSession(backbone.openGraph, 16);
    const held = await dataOf(settings, "held out", 4);
    const long = { ...settings, epochs: 6, copies: 0 };
    const validation = imageAccuracy(backbone, long, linear, held);
    const { curve } = await runTuning({ settings: long, task: taskOf(long), validation });
    await linear.release();
    expect(curve.map((point) => Math.round(12 * point.validationAccuracy!) / 12)).toEqual(
      curve.map((point) => point.validationAccuracy),
    );
    expect(Math.max(...curve.map((point) => point.validationAccuracy!))).toBeGreaterThan(1 / 3);
  });

  const taskOf = (own: VisionSettings) => imageClassification(backbone, own, data, prototypes);
});

it("deep prompts are served as the prefix that they are", async () => {
  const data = await dataOf(VISION_SETTINGS, "train", 2);
  const site = visionSite(VISION_SETTINGS, backbone.manifest)!;
  const deep = Float32Array.from({ length: 2 * 3 * 16 }, (_, at) => Math.sin(at));
  const served = await deepPrefix(backbone, VISION_SETTINGS.firstLayer, deep);
  const kvSite = visionSite({ ...VISION_SETTINGS, method: "kv" }, backbone.manifest)!;
  expect(served.dims).toEqual(kvSite.dims);
  const vectorsBy = async (by: typeof site, prompt: Float32Array) => {
    const wanted = featureWanted("mean");
    const upper = await opened(backbone.open({ kind: "upper", site: by.site, wanted }));
    return embedImages(upper, data.store, "mean", promptFeed(by, prompt));
  };
  const ours = await vectorsBy(kvSite, served.data as Float32Array);
  const theirs = await vectorsBy(site, deep);
  expect(Math.max(...ours.map((x, at) => Math.abs(x - theirs[at]!)))).toBeLessThan(1e-5);
});

it.each<VisionMethod>(["deep", "kv", "soft", "lora"])("%s starts the same for the same seed", (method) => {
  const site = visionSite({ ...VISION_SETTINGS, method }, backbone.manifest)!;
  const start = site.start(prng(3));
  expect(site.start(prng(3))).toEqual(start);
  expect(start).toHaveLength(site.dims.reduce((a, b) => a * b, 1));
  expect(start.every(Number.isFinite)).toBe(true);
  // LoRA's second factors are zeros: the product, and so the model, is the plain one.
  expect(start.filter((x) => x === 0).length).toBe(method === "lora" ? start.length / 2 : 0);
});

async function opened(session: Promise<Session>): Promise<Session> {
  open.push(await session);
  return session;
}

async function dataOf(settings: VisionSettings, stream: string, perClass: number): Promise<ClassifiedImages> {
  const site = openedSite(settings, visionSite(settings, backbone.manifest));
  const lower = await opened(backbone.open({ kind: "lower", site }));
  const { source, labels } = await toyImages(perClass, stream);
  const { copies, seed } = settings;
  const augmentation = { range: AUGMENTATIONS.classify, copies, seed };
  return { store: ImageStore.open(backbone, lower, source, { augmentation }), labels, classes: 3 };
}

async function meansOf(settings: VisionSettings, data: ClassifiedImages): Promise<Float32Array> {
  const site = { kind: "none", firstLayer: settings.firstLayer } as const;
  const lower = await opened(backbone.open({ kind: "lower", site }));
  const { source } = await toyImages(8);
  const upper = await opened(backbone.open({ kind: "upper", site, wanted: featureWanted(settings.feature) }));
  const plain = ImageStore.open(backbone, lower, source, { budgetBytes: 0 });
  return classMeans(await embedImages(upper, plain, settings.feature), data.labels, 3, 16);
}
