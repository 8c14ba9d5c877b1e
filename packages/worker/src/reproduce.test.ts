import { readFile, writeFile } from "node:fs/promises";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { decodePrompt, encodePrompt, type Prompt, type PromptManifest } from "@kilotune/prompt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toyImageRows } from "./images/testing.ts";
import type { ImageJob, TextJob } from "./job.ts";
import { reproducePrompt } from "./reproduce.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { jsonl, lines, tinyPlace, toyJob, toyRows, withoutValidation } from "./testing.ts";

const place = tinyPlace();

const tuned = async (more: Partial<TextJob> = {}) => {
  const job = toyJob(place.tiny, place.folder, more);
  await runTuneJob(job);
  return { job, file: new Uint8Array(await readFile(job.out)), backbone: place.tiny.backbone };
};

/** The file, its manifest changed. */
async function forged(file: Uint8Array, change: (manifest: PromptManifest) => object): Promise<Uint8Array> {
  const { prompt } = await decodePrompt(file);
  const manifest = change(prompt.manifest);
  return encodePrompt({ ...prompt, manifest } as Prompt, { storage: prompt.manifest.storage });
}

describe("a prompt of texts, tuned again from its receipt,", () => {
  it.each<[string, Partial<TextJob>]>([
    ["a prefix", { firstLayer: 0, settings: { dropout: 0.2 }, shots: 8 }],
    ["LoRA in float32", { method: "lora", storage: "float32" }],
    ["biases", { method: "bias" }],
    ["a head", { method: "head" }],
  ])("comes out as the same bytes: %s", async (_, more) => {
    const { job, file, backbone } = await tuned(more);
    const { same, id, idHere, parts, places, testTakenOver } = await reproducePrompt(file, backbone, job);
    expect({ same, places, testTakenOver }).toEqual({ same: true, places: [], testTakenOver: false });
    expect(idHere).toBe(id);
    expect(parts.filter(({ receipt, here }) => receipt !== here)).toEqual([]);
  });

  it("without its test file: the same, its figures taken over and said so", async () => {
    const { job, file, backbone } = await tuned();
    const { test: _, ...files } = job;
    expect(await reproducePrompt(file, backbone, files)).toMatchObject({ same: true, testTakenOver: true });
  });

  it("of tags, rows held out of the training rows", async () => {
    const rows = toyRows(10, 1).map(({ text, label }) => {
      const tokens = text.split(" ");
      return JSON.stringify({ tokens, tags: tokens.map((_, at) => (at === 0 ? `B-${label}` : "O")) });
    });
    const job = withoutValidation(toyJob(place.tiny, place.folder, { task: "tagging", epochs: 1 }));
    const { test: _, ...wanted } = { ...job, train: lines("train.jsonl", rows) };
    await runTuneJob(wanted);
    const file = new Uint8Array(await readFile(wanted.out));
    expect(await reproducePrompt(file, place.tiny.backbone, wanted)).toMatchObject({ same: true });
  });
});

describe("what differs is named:", () => {
  it("other data, before anything is tuned", async () => {
    const { job, file, backbone } = await tuned();
    const [first, ...rows] = toyRows(10, 1);
    const train = jsonl("train.jsonl", [{ ...first!, text: `${first!.text} now` }, ...rows]);
    const steps: string[] = [];
    const onEvent = ({ kind }: { kind: string }) => steps.push(kind);
    const found = await reproducePrompt(file, backbone, { ...job, train }, { onEvent });
    expect(found).toMatchObject({ same: false, idHere: undefined });
    expect(steps).not.toContain("training");
    const other = found.parts.filter(({ receipt, here }) => receipt !== here);
    expect(other.map(({ name }) => name)).toEqual(["data (SHA-256)"]);
    const { validation: _, ...fewer } = job;
    const names = (await reproducePrompt(file, backbone, fewer)).parts.filter((p) => p.receipt !== p.here);
    expect(names.map(({ name }) => name)).toEqual(["validation rows", "data (SHA-256)"]);
  });

  it("another version and engine, though every number is the same", async () => {
    const { job, file, backbone } = await tuned();
    const old = await forged(file, ({ receipt, ...rest }) => ({
      ...rest,
      receipt: {
        ...receipt,
        codeVersion: "0.0.9",
        engine: { ...receipt!.engine, runtime: "another 1.0", device: "cuda" },
      },
    }));
    const { same, parts, places, numbers } = await reproducePrompt(old, backbone, job);
    expect({ same, places, differing: numbers.differing }).toEqual({ same: false, places: [], differing: 0 });
    expect(parts.filter(({ receipt, here }) => receipt !== here).map(({ name }) => name)).toEqual([
      "code version",
      "engine",
      "device",
    ]);
  });

  it("numbers and figures, by how much and where", async () => {
    const { job, file, backbone } = await tuned({ storage: "float32" });
    const { prompt } = await decodePrompt(file);
    const { weight } = prompt.head as { weight: Float32Array };
    weight[1] = (weight[1] as number) + 0.5;
    const manifest = { ...prompt.manifest, calibration: { temperature: 7 } };
    const wrong = encodePrompt({ ...prompt, manifest } as Prompt, { storage: "float32" });
    const { same, places, numbers } = await reproducePrompt(wrong, backbone, job);
    expect({ same, places, differing: numbers.differing }).toEqual({
      same: false,
      places: ["calibration.temperature"],
      differing: 1,
    });
    expect(numbers.largest).toBeCloseTo(0.5, 5);
  });

  it("no receipt that could be repeated, another backbone", async () => {
    const { job, file, backbone } = await tuned();
    const old = await forged(file, ({ receipt, ...rest }) => {
      const { asked: _, ...plain } = receipt!;
      return { ...rest, receipt: plain };
    });
    await expect(reproducePrompt(old, backbone, job)).rejects.toMatchObject({ code: "old_receipt" });
    const imported = await forged(file, ({ receipt: _, ...rest }) => ({
      ...rest,
      origin: { format: "npy", sha256: "0".repeat(64) },
    }));
    await expect(reproducePrompt(imported, backbone, job)).rejects.toMatchObject({ code: "no_receipt" });
    const other = await forged(file, (manifest) => ({
      ...manifest,
      backbone: { ...manifest.backbone, weightsSha256: "0".repeat(64) },
    }));
    await expect(reproducePrompt(other, backbone, job)).rejects.toMatchObject({ code: "backbone_mismatch" });
  });
});

describe("a prompt of images, tuned again from its receipt,", () => {
  let vision: Awaited<ReturnType<typeof tinyVisionBackbone>>;
  beforeAll(async () => {
    vision = await tinyVisionBackbone();
  });
  afterAll(() => vision[Symbol.asyncDispose]());

  it.each(["classification", "segmentation", "detection"] as const)("of %s", async (task) => {
    const job: ImageJob = {
      input: "image",
      task,
      backbone: vision.backbone,
      train: toyImageRows("train.jsonl", task, 12, 1),
      validation: toyImageRows("validation.jsonl", task, 6, 2),
      method: "lora",
      tokens: 2,
      epochs: 1,
      seed: 1,
      out: `${place.folder}/prompt.safetensors`,
      checkpoints: `${place.folder}/checkpoints`,
      resume: false,
    };
    await runTuneJob(job);
    const file = new Uint8Array(await readFile(job.out));
    await writeFile(job.out, "nothing of it is needed");
    expect(await reproducePrompt(file, vision.backbone, job)).toMatchObject({ same: true, places: [] });
  });
});
