import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { loadVisionBackbone, methodsOfBackbone, type VisionBackbone } from "@kilotune/backbone";
import { prng } from "@kilotune/dataset";
import { encodeOnnx, float32, type Graph, GraphBuilder } from "@kilotune/engine";
import { encodePng } from "@kilotune/image/node";
import { decodePrompt } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { evaluateImagePrompt } from "./evaluate-images.ts";
import { imageRowsOf } from "./images/image-source.ts";
import { differingRows, toyImageRows } from "./images/testing.ts";
import type { ImageJob, JobHooks } from "./job.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { numbersOf } from "./standing-prompt.ts";

/** A detector's graph as a person exports it (random weights, YOLO-shaped, 64 x 64): a head and channels learnt on it, and served. */
const EXPORT = path.join(import.meta.dirname, "../../backbone/src/frozen/goldens/one-to-one.onnx");

let folder: string;
let backbone: VisionBackbone;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-graph-job-"));
  await copyFile(EXPORT, path.join(folder, "yolo.onnx"));
  const options = { cache: path.join(folder, "cache"), hub: "http://127.0.0.1:9", threads: 1 };
  backbone = await loadVisionBackbone(path.join(folder, "yolo.onnx"), options);
  const random = prng(0, "squares");
  for (const [name, count] of [
    ["train", 24],
    ["test", 8],
  ] as const) {
    const rows: string[] = [];
    for (let row = 0; row < count; row++) {
      const side = 18 + random.integer(8);
      const [x, y] = [random.integer(64 - side), random.integer(64 - side)];
      const data = Uint8Array.from({ length: 64 * 64 }, (_, at) => {
        const [px, py] = [at % 64, Math.floor(at / 64)];
        const inside = px >= x && px < x + side && py >= y && py < y + side;
        return (inside ? 210 : 40) + random.integer(30);
      });
      const image = `${name}-${row}.png`;
      await writeFile(
        path.join(folder, image),
        await encodePng({ width: 64, height: 64, channels: 1, data }),
      );
      rows.push(JSON.stringify({ image, objects: [{ label: "square", box: [x, y, x + side, y + side] }] }));
    }
    await writeFile(path.join(folder, `${name}.jsonl`), rows.join("\n"));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const job = (more: Partial<ImageJob> = {}): ImageJob => ({
  input: "image",
  task: "detection",
  backbone,
  train: imageRowsOf(path.join(folder, "train.jsonl")),
  validation: imageRowsOf(path.join(folder, "test.jsonl")),
  method: "channels",
  epochs: 4,
  seed: 1,
  out: path.join(folder, "prompt.safetensors"),
  checkpoints: path.join(folder, "checkpoints"),
  resume: false,
  ...more,
});

it("is a backbone whose levels are cells of 16 pixels", () => {
  const { family, config } = backbone.manifest;
  // P3 in four parts, P4, P5; C3 to P5 are prompted.
  expect(family).toBe("graph");
  expect(methodsOfBackbone(backbone.manifest)).toEqual(["channels", "border", "head"]);
  expect(config).toMatchObject({
    patchSize: 16,
    hiddenSize: 4 * 8 + 8 + 16,
    channels: 8 + 8 + 8 + 8 + 16 + 16,
    stages: 6,
  });
});

it("learns channels and a head; both are served as they were measured", async () => {
  const files: Uint8Array[] = [];
  const onCheckpoint: JobHooks["onCheckpoint"] = ({ bytes }) => files.push(bytes);
  const { report } = await runTuneJob(job({ epochs: 20 }), { onCheckpoint });
  const [head, channels] = report.candidates;
  expect([head?.name, channels?.name]).toEqual(["headAlone", "channels"]);
  // Squares are found even on levels that nobody trained; a detector that learnt nothing is at 0.
  for (const { heldOut } of report.candidates)
    expect(heldOut && "figures" in heldOut ? heldOut.figures.map50 : 0).toBeGreaterThan(0.05);

  const stored = await decodePrompt(files.at(-1) as Uint8Array);
  expect(stored.prompt).toMatchObject({ method: "channels", manifest: { sites: { channels: 64 } } });
  if (stored.prompt.method !== "channels") throw new Error("another method");
  expect(stored.prompt.channels.data.some((number) => number !== 0)).toBe(true);

  const published = await readPromptFile(job().out);
  const { score } = await evaluateImagePrompt({
    backbone,
    stored: published,
    test: imageRowsOf(path.join(folder, "test.jsonl")),
  });
  const told = report.candidates.find((each) => each.published)?.heldOut;
  if (!("figures" in score) || !told || !("figures" in told)) throw new Error("a score of another task");
  // The report's figure is of the numbers before they were rounded to halves.
  expect(score.figures.map50).toBeCloseTo(told.figures.map50 as number, 1);

  const prompts = new Map([
    ["published", published],
    ["under way", stored],
  ]);
  const image = await readFile(path.join(folder, "test-0.png"));
  expect(await differingRows(backbone, prompts, image, 10)).toBe(0);
});

it("learns channels of the later stages alone, and leaves the others as they are", async () => {
  const { stored } = await lastOf(job({ firstLayer: 4, publishAsked: true }));
  if (stored.prompt.method !== "channels") throw new Error("another method");
  const { data } = stored.prompt.channels;
  const [early, late] = [8 + 8 + 8 + 8, 64];
  const changed = (from: number, to: number) => data.subarray(from, to).some((number) => number !== 0);
  expect([changed(0, early), changed(64, 64 + early)]).toEqual([false, false]);
  expect([changed(early, late), changed(64 + early, 64 + late)]).toEqual([true, true]);
  await expect(runTuneJob(job({ firstLayer: 6 }))).rejects.toMatchObject({ code: "bad_site" });
});

it("learns a border of the image, which is served as it was measured, alone and among others", async () => {
  const { report, stored } = await lastOf(
    job({ method: "border", tokens: 5, epochs: 6, publishAsked: true }),
  );
  if (stored.prompt.method !== "border") throw new Error("another method");
  expect(stored.prompt.manifest.sites).toEqual({ width: 5 });
  expect(stored.prompt.border.data).toHaveLength(3 * 2 * 5 * (64 + 64 - 10));
  expect(stored.prompt.border.data.some((number) => number !== 0)).toBe(true);
  const test = imageRowsOf(path.join(folder, "test.jsonl"));
  const { score } = await evaluateImagePrompt({ backbone, stored, test });
  const told = report.candidates.find((each) => each.published)?.heldOut;
  if (!("figures" in score) || !told || !("figures" in told)) throw new Error("a score of another task");
  expect(score.figures.map50).toBeCloseTo(told.figures.map50 as number, 1);

  const { stored: channels } = await lastOf(job({ publishAsked: true, epochs: 1 }));
  const prompts = new Map([
    ["border", stored],
    ["channels", channels],
  ]);
  const image = await readFile(path.join(folder, "test-0.png"));
  expect(await differingRows(backbone, prompts, image, 8)).toBe(0);
  await expect(runTuneJob(job({ method: "border", tokens: 33 }))).rejects.toMatchObject({ code: "bad_site" });
});

it("goes on from another prompt's channels, of all stages, and from its border", async () => {
  const standing = { epochs: 1, settings: { promptLearningRate: 1e-7, headLearningRate: 1e-7 } };
  for (const method of ["channels", "border"] as const) {
    const { stored: first } = await lastOf(
      job({ method, publishAsked: true, epochs: 1, storage: "float32" }),
    );
    const wanted = job({
      ...standing,
      method,
      publishAsked: true,
      storage: "float32",
      init: { kind: "prompt", prompt: first },
    });
    const { stored } = await lastOf(wanted);
    expect(stored.prompt.manifest.receipt?.settings.init).toBe("prompt and head");
    if (stored.prompt.method === "head" || first.prompt.method === "head") throw new Error("another method");
    const [own, theirs] = [numbersOf(stored.prompt), numbersOf(first.prompt)];
    expect(own).toHaveLength(theirs.length);
    expect(Math.max(...own.map((value, at) => Math.abs(value - theirs[at]!)))).toBeLessThan(1e-4);
    const later = { ...wanted, ...(method === "channels" ? { firstLayer: 4 } : { tokens: 2 }) };
    await expect(runTuneJob(later)).rejects.toMatchObject({ code: "bad_init" });
  }
});

it.each([
  ["tokens", ["border", "head"], { hasClassToken: false, hiddenSize: 6, patchSize: 16, channels: 0 }],
  ["vector", ["border", "head"], { hasClassToken: true, hiddenSize: 6, patchSize: 32, channels: 0 }],
] as const)(
  "a graph without stages that gives a %s an image learns by its border",
  async (kind, methods, config) => {
    const file = path.join(folder, `${kind}.onnx`);
    await writeFile(file, encodeOnnx(bareGraph(kind)));
    const options = { cache: path.join(folder, "cache"), hub: "http://127.0.0.1:9", threads: 1 };
    const bare = await loadVisionBackbone(file, options);
    expect(methodsOfBackbone(bare.manifest)).toEqual(methods);
    expect(bare.manifest.config).toMatchObject(config);
    const classes: Partial<ImageJob> = {
      task: "classification",
      backbone: bare,
      train: toyImageRows("train.jsonl", "classification", 18, 1),
      validation: toyImageRows("validation.jsonl", "classification", 9, 2),
      method: "border",
      publishAsked: true,
    };
    const { stored } = await lastOf(job(classes));
    if (stored.prompt.method !== "border") throw new Error("another method");
    expect(stored.prompt.manifest.sites).toEqual({ width: 2 });
    const rows = toyImageRows("validation.jsonl", "classification", 9, 2);
    const { score } = await evaluateImagePrompt({ backbone: bare, stored, test: rows });
    expect(score.rows).toBe(9);
    await expect(runTuneJob(job({ ...classes, method: "channels" }))).rejects.toMatchObject({
      code: "unsupported_method",
    });
    if (kind === "vector")
      await expect(runTuneJob(job({ backbone: bare, method: "border" }))).rejects.toMatchObject({
        code: "unsupported_task",
      });
  },
);

it("refuses what needs attention, and says what it takes", async () => {
  await expect(runTuneJob(job({ method: "lora" }))).rejects.toMatchObject({ code: "unsupported_method" });
});

/** The job's report, and its prompt as the file holds it. */
async function lastOf(wanted: ImageJob) {
  const { report } = await runTuneJob(wanted);
  return { report, stored: await readPromptFile(wanted.out) };
}

/** Images of 64 x 32 in 8 patches, a layer on each: an encoder without attention or stages. */
function bareGraph(kind: "tokens" | "vector"): Graph {
  const b = new GraphBuilder("bare");
  const random = prng(3, "bare");
  const numbers = (dims: number[], scale: number) =>
    b.constant(
      float32(
        Float32Array.from({ length: dims.reduce((x, y) => x * y) }, () => scale * random.normal()),
        dims,
      ),
    );
  const pixels = b.input("pixels", "float32", ["B", 3, 32, 64]);
  const maps = b.op("Conv", [pixels, numbers([6, 3, 16, 16], 0.05)], {
    kernel_shape: [16, 16],
    strides: [16, 16],
  });
  const tokens = b.op("Transpose", [b.op("Reshape", [maps, b.ints([0, 6, -1])])], { perm: [0, 2, 1] });
  const mixed = b.op("Tanh", [b.op("MatMul", [tokens, numbers([6, 6], 0.5)])]);
  if (kind === "tokens") b.output(mixed, "tokens");
  else b.output(b.op("ReduceMean", [mixed, b.ints([1])], { keepdims: 0 }), "vector");
  return b.build();
}
