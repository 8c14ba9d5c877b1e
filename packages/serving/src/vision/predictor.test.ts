import { randomNumbers, tinyVisionBackbone } from "@kilotune/backbone/testing";
import { float32 } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyImageIsolation } from "../verify-isolation.ts";
import { createVisionPredictor, type VisionPredictor, type VisionPredictorOptions } from "./predictor.ts";
import { codec, type ImagePromptShape, randomImagePrompt, randomPixels } from "./testing.ts";

const tiny = await tinyVisionBackbone({ imageSize: [16, 20] });
const { backbone } = tiny;
const open: VisionPredictor[] = [];
afterAll(async () => {
  await Promise.all(open.map((predictor) => predictor.close()));
  await tiny[Symbol.asyncDispose]();
});

const SHAPES: Readonly<Record<string, ImagePromptShape>> = {
  classKv: { task: "classification", method: "kv", tokens: 3, firstLayer: 1 },
  classSoft: { task: "classification", method: "soft", tokens: 5, feature: "mean" },
  classHead: { task: "classification", method: "head" },
  classLong: { task: "classification", method: "kv", tokens: 20 },
  labelsKv: { task: "multi_label", method: "kv", tokens: 2, feature: "mean" },
  labelsSoft: { task: "multi_label", method: "soft", tokens: 12 },
  maskKv: { task: "segmentation", method: "kv", taps: [1, 2] },
  maskHead: { task: "segmentation", method: "head", labels: ["in", "out"] },
  boxKv: { task: "detection", method: "kv", firstLayer: 2 },
  boxSoft: { task: "detection", method: "soft", taps: [2] },
  classLora: { task: "classification", method: "lora", tokens: 2, firstLayer: 1 },
  boxLora: { task: "detection", method: "lora", tokens: 5 },
  boxHead: { task: "detection", method: "head" },
};

const names = Object.keys(SHAPES);
const promptNamed = (name: string) =>
  randomImagePrompt(backbone.manifest, 90 + names.indexOf(name), SHAPES[name]!);

async function predictorOf(options: Partial<VisionPredictorOptions> = {}): Promise<VisionPredictor> {
  const loadPrompt = async (ref: string) => promptNamed(ref);
  const predictor = await createVisionPredictor({ backbone, loadPrompt, codec, ...options });
  open.push(predictor);
  return predictor;
}

const images = Array.from({ length: 6 }, (_, at) => randomPixels(at, 24 + 7 * at, 40 - 3 * at));

describe("answers", () => {
  let predictor: VisionPredictor;
  beforeAll(async () => {
    predictor = await predictorOf();
  });

  it("come by the prompt's task, in the order of the requests, at the original's size", async () => {
    const image = images[1]!;
    const asked = ["classKv", "maskKv", "boxHead", "labelsSoft"].map((prompt) => ({ image, prompt }));
    const answers = await predictor.answer(asked, { numbers: true, threshold: 0 });
    const size = { width: image.width, height: image.height };
    expect(answers.map(({ task, promptId, image: of }) => [task, promptId, of])).toEqual([
      ["classification", promptNamed("classKv").id, size],
      ["segmentation", promptNamed("maskKv").id, size],
      ["detection", promptNamed("boxHead").id, size],
      ["multi_label", promptNamed("labelsSoft").id, size],
    ]);
    const [classes, map, objects, labels] = answers;
    if (classes?.task !== "classification" || map?.task !== "segmentation") throw new Error("another task");
    if (objects?.task !== "detection" || labels?.task !== "multi_label") throw new Error("another task");
    expect(classes.scores.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 12);
    expect(classes.scores[0]).toEqual({ label: classes.label, score: classes.score });
    expect(map.map).toMatchObject(size);
    expect(map.map.data).toHaveLength(image.width * image.height);
    expect(map.classes.reduce((sum, { pixels }) => sum + pixels, 0)).toBe(
      map.map.data.filter((label) => label < 3).length,
    );
    expect(objects.objects.length).toBeGreaterThan(0);
    for (const { box, score } of objects.objects) {
      expect(box[0]).toBeGreaterThanOrEqual(0);
      expect(box[2]).toBeLessThanOrEqual(image.width);
      expect(box[3]).toBeLessThanOrEqual(image.height);
      expect(score).toBeGreaterThan(0);
    }
    const logits = [...labels.numbers!];
    expect(labels.labels!.map(({ label }) => label).sort()).toEqual(
      ["cat", "dog", "bird"].filter((_, c) => logits[c]! >= 0).sort(),
    );
  });

  it("of a detection keep to the caller's threshold and number", async () => {
    const asked = [{ image: images[2]!, prompt: "boxKv" }];
    const [all] = await predictor.detect(asked, { threshold: 0, most: 1000 });
    const scores = all!.objects.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const middle = scores[Math.floor(scores.length / 2)]!;
    const [some] = await predictor.detect(asked, { threshold: middle });
    expect(some!.objects.every(({ score }) => score >= middle)).toBe(true);
    const [one] = await predictor.detect(asked, { threshold: 0, most: 1 });
    expect(one!.objects).toEqual(all!.objects.slice(0, 1));
  });

  it("are refused to who asks another task than the prompt's", async () => {
    const asked = [{ image: images[0]!, prompt: "boxKv" }];
    await expect(predictor.segment(asked)).rejects.toMatchObject({ code: "wrong_task" });
    await expect(predictor.classify(asked)).rejects.toMatchObject({ code: "wrong_task" });
    await expect(predictor.detect([{ image: images[0]!, prompt: "labelsKv" }])).rejects.toMatchObject({
      code: "wrong_task",
    });
  });

  it("say which of several images is bad, and leave other calls alone", async () => {
    const bad = { image: new TextEncoder().encode("<svg></svg>"), prompt: "classKv" };
    const good = { image: images[0]!, prompt: "classKv" };
    const other = predictor.classify([good]);
    await expect(predictor.classify([good, bad])).rejects.toMatchObject({
      code: "image_format",
      message: expect.stringMatching(/^image 2 of 2: /),
    });
    await expect(predictor.classify([{ ...bad, image: new Uint8Array() }])).rejects.toMatchObject({
      code: "image_empty",
    });
    expect(await other).toHaveLength(1);
    expect(await predictor.answer([])).toEqual([]);
  });
});

describe("a pass", () => {
  it("gives every row the bits that it has alone, whatever the neighbours' tenants, tasks and methods", async () => {
    const predictor = await predictorOf({ maxBatchRows: 9 });
    const requests = images.flatMap((image) => names.map((prompt) => ({ image, prompt })));
    const { rows, differing } = await verifyImageIsolation(predictor, requests, {
      batches: 12,
      uniform: randomNumbers(4),
      maxRows: 24,
    });
    expect(rows).toBeGreaterThan(60);
    expect(differing).toBe(0);
    const { passes, rows: run } = predictor.stats().batches;
    expect(run / passes).toBeGreaterThan(1);
  });

  it("would be told apart from one whose rows change with their neighbours", async () => {
    const predictor = await predictorOf();
    let call = 0;
    const shaky = {
      ...predictor,
      answer: async (...given: Parameters<VisionPredictor["answer"]>) => {
        const answers = await predictor.answer(...given);
        call++;
        return answers.map((each) => ({ ...each, numbers: each.numbers!.map((x) => x + call * 1e-6) }));
      },
    } as VisionPredictor;
    const requests = names.map((prompt) => ({ image: images[0]!, prompt }));
    const found = await verifyImageIsolation(shaky, requests, { batches: 1, uniform: randomNumbers(5) });
    expect(found.differing).toBe(found.rows);
  });

  it("runs once for an image of which heads alone ask several tasks, and short prompts of all methods share one", async () => {
    const predictor = await predictorOf();
    const image = images[3]!;
    const ask = (...prompts: string[]) => predictor.answer(prompts.map((prompt) => ({ image, prompt })));
    await ask("classHead", "maskHead", "boxHead");
    expect(predictor.stats().batches).toMatchObject({ passes: 1, rows: 1 });
    await ask("classKv", "maskKv", "boxSoft", "classSoft", "boxHead");
    expect(predictor.stats().batches).toMatchObject({ passes: 2, rows: 6 });
  });

  it("sees the image as the backbone's own graphs do: a prompt's features are those that tuning had", async () => {
    const predictor = await predictorOf();
    const stored = promptNamed("classKv");
    if (stored.prompt.method !== "kv") throw new Error("another method");
    const { kv, manifest } = stored.prompt;
    const { firstLayer } = manifest.sites;
    const site = { kind: "kv", firstLayer } as const;
    const [lower, upper] = [
      await backbone.open({ kind: "lower", site }),
      await backbone.open({ kind: "upper", site, wanted: { cls: true } }),
    ];
    const { preparePixels } = await import("@kilotune/image");
    const { tensor } = await preparePixels(codec, images[4]!, backbone.manifest.preprocessing);
    const { hidden } = await lower.run({ pixels: float32(tensor, [1, 3, 16, 20]) });
    const prefix = float32(kv.data, [kv.layers, 2, kv.heads, kv.tokens, kv.headDim]);
    const { cls } = await upper.run({ hidden: hidden!, kv: prefix });
    await Promise.all([lower.release(), upper.release()]);
    const [answer] = await predictor.classify([{ image: images[4]!, prompt: "classKv" }], { numbers: true });
    const { weight } = stored.prompt.head as { weight: Float32Array };
    const x = cls!.data as Float32Array;
    const H = x.length;
    const norm = (v: Float32Array) => Math.sqrt(v.reduce((sum, a) => sum + a * a, 0));
    answer!.numbers!.forEach((logit, c) => {
      const row = weight.subarray(c * H, (c + 1) * H);
      const cosine = row.reduce((sum, w, h) => sum + w * x[h]!, 0) / (norm(row) * norm(x));
      expect(logit).toBeCloseTo(20 * cosine, 3);
    });
  });
});

describe("a prompt", () => {
  it("of another backbone, of texts, or with taps that aren't served is refused", async () => {
    const sound = promptNamed("maskKv");
    const changed = (change: (manifest: typeof sound.prompt.manifest) => object) => ({
      ...sound,
      prompt: { ...sound.prompt, manifest: { ...sound.prompt.manifest, ...change(sound.prompt.manifest) } },
    });
    const prompts: Record<string, unknown> = {
      weights: changed(({ backbone: own }) => ({ backbone: { ...own, weightsSha256: "0".repeat(64) } })),
      preprocessing: changed(({ backbone: own }) => ({
        backbone: { ...own, preprocessingSha256: "0".repeat(64) },
      })),
      size: changed(({ backbone: own }) => ({ backbone: { ...own, image: { width: 16, height: 16 } } })),
      sound,
    };
    const predictor = await predictorOf({
      taps: [1],
      loadPrompt: async (ref) => prompts[ref] as typeof sound,
    });
    const refusal = (prompt: string) =>
      predictor.segment([{ image: images[0]!, prompt }]).then(
        () => "answered",
        (error: { code: string }) => error.code,
      );
    expect(await Promise.all(["weights", "preprocessing", "size", "sound"].map(refusal))).toEqual([
      "backbone_mismatch",
      "backbone_mismatch",
      "backbone_mismatch",
      "unsupported_taps",
    ]);
  });

  it("is loaded once, kept, and forgotten on demand; a closed predictor answers what it accepted", async () => {
    let loads = 0;
    const predictor = await predictorOf({
      loadPrompt: async (ref) => {
        loads++;
        return promptNamed(ref);
      },
    });
    await predictor.prepare(["boxKv"]);
    const asked = Array.from({ length: 3 }, () => ({ image: images[5]!, prompt: "boxKv" }));
    await Promise.all([predictor.detect(asked), predictor.detect(asked)]);
    expect(loads).toBe(1);
    predictor.forget(() => true);
    const last = predictor.detect(asked);
    const closing = predictor.close();
    await expect(predictor.detect(asked)).rejects.toMatchObject({ code: "closed" });
    expect(await last).toHaveLength(3);
    expect(loads).toBe(2);
    await closing;
  });

  it("holds calls back that would keep too many images in memory, and ends with its signal", async () => {
    const predictor = await predictorOf({ maxQueueRows: 4, maxBatchRows: 2 });
    const many = Array.from({ length: 30 }, (_, at) => ({ image: images[at % 6]!, prompt: "classHead" }));
    const first = predictor.classify(many);
    await new Promise((resolve) => setImmediate(resolve));
    await expect(predictor.classify(many.slice(0, 2))).rejects.toMatchObject({ code: "overloaded" });
    expect(await first).toHaveLength(30);
    const controller = new AbortController();
    const aborted = predictor.classify(many, { signal: controller.signal });
    controller.abort(new Error("gone"));
    await expect(aborted).rejects.toThrow("gone");
    expect(await predictor.classify(many.slice(0, 1), { background: true })).toHaveLength(1);
  });
});
