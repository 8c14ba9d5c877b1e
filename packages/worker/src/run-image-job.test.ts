import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { isClassification } from "@kilotune/contract";
import { decodePrompt } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { evaluateImagePrompt } from "./evaluate-images.ts";
import type { ImageJob, JobHooks } from "./job.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { attentionOf } from "./images/attention.ts";
import { readImageFiles } from "./images/image-files.ts";
import { differingRows, toyImageRows } from "./images/testing.ts";

let tiny: Awaited<ReturnType<typeof tinyVisionBackbone>>;
let folder: string;
beforeAll(async () => {
  tiny = await tinyVisionBackbone();
});
afterAll(() => tiny[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-image-job-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const job = (task: ImageJob["task"], more: Partial<ImageJob> = {}): ImageJob => ({
  input: "image",
  task,
  backbone: tiny.backbone,
  train: toyImageRows("train.jsonl", task, 18, 1),
  validation: toyImageRows("validation.jsonl", task, 9, 2),
  test: toyImageRows("test.jsonl", task, 9, 3),
  method: "kv",
  tokens: 2,
  epochs: 3,
  seed: 1,
  out: path.join(folder, "prompt.safetensors"),
  checkpoints: path.join(folder, "checkpoints"),
  resume: false,
  ...more,
});

describe("a job on images", () => {
  it.each(["classification", "detection"] as const)(
    "of %s by VPT-deep publishes the prefix that it is",
    async (task) => {
      const files: Uint8Array[] = [];
      const onCheckpoint: JobHooks["onCheckpoint"] = ({ bytes }) => files.push(bytes);
      const { report } = await runTuneJob(job(task, { method: "deep", epochs: 2 }), { onCheckpoint });
      expect(report.candidates.at(-1)).toMatchObject({ name: "deep", title: "deep tokens" });
      // The job itself may publish a head. What was learnt until then is there in any case.
      expect(files).toHaveLength(1);
      const { prompt } = await decodePrompt(files[0] as Uint8Array);
      expect(prompt).toMatchObject({ method: "kv", manifest: { sites: { firstLayer: 0, tokens: 2 } } });

      // Its tokens are looked at; of a head alone the class token looks, where that is what it reads.
      expect(report.attention?.of).toBe(
        report.prompt.method === "kv" ? "prompt" : task === "classification" ? "class" : undefined,
      );
      const test = toyImageRows("test.jsonl", task, 9, 3);
      const kind = task === "detection" ? "detect" : "classify";
      await using read = await readImageFiles(job(task, { test }), kind, () => {}, {
        labelsOf: async () => [],
        truthOf: () => 0,
      });
      const maps = await attentionOf(tiny.backbone, prompt, read.data.test!);
      const { grid, layers, images } = maps!;
      const { config } = tiny.backbone.manifest;
      expect(maps).toMatchObject({ of: "prompt", tokens: 2 });
      // Patches of the last layer speak to a head on patches alone.
      expect(layers.map(({ layer }) => layer)).toEqual(
        Array.from({ length: config.layers - Number(task === "classification") }, (_, layer) => layer),
      );
      expect(images.map(({ maps: own }) => own.length)).toEqual([3, 3, 3, 3]);
      for (const { maps: own } of images) {
        const [all, ...tokens] = own.map(({ values }) => values);
        expect(all).toHaveLength(grid.rows * grid.columns);
        all!.forEach((value, at) => {
          expect(value).toBeCloseTo(
            tokens.reduce((sum, each) => sum + each[at]!, 0),
            2,
          );
        });
      }
      const shown = images.flatMap(({ maps: own }) => own[0]!.values);
      const mean = shown.reduce((a, b) => a + b, 0) / shown.length;
      expect(layers.reduce((sum, { share }) => sum + share! / layers.length, 0)).toBeCloseTo(mean, 2);
    },
  );

  it("of several labels publishes thresholds, and what is served is what was measured", async () => {
    const { report, stored } = await runTuneJob(job("multi_label", { method: "lora", epochs: 4 }));
    const { prompt } = await readPromptFile(job("multi_label").out);
    expect(prompt.manifest).toMatchObject({
      task: "multi_label",
      input: "image",
      labels: ["bright", "left", "middle", "upper"],
      head: { kind: "linear", feature: "cls" },
    });
    if (prompt.manifest.task !== "multi_label") throw new Error("another task");
    expect(prompt.manifest.calibration.thresholds).toHaveLength(4);
    expect(report.candidates.map(({ name }) => name)).toEqual(["majority", "linearProbe", "lora"]);
    if (report.task !== "multi_label") throw new Error("a report of another task");
    expect(report.evaluation.curves).toHaveLength(4);
    expect(report.evaluation.tables[0]?.rows.map(([label]) => label)).toEqual(prompt.manifest.labels);
    const test = toyImageRows("test.jsonl", "multi_label", 9, 3);
    const { score } = await evaluateImagePrompt({ backbone: tiny.backbone, stored, test });
    expect(score).toEqual(report.candidates.find(({ published }) => published)?.test);
  });

  it.each(["classification", "segmentation"] as const)(
    "of %s that was stopped goes on to the identical bytes",
    async (task) => {
      const wanted = job(task, { epochs: 2, method: "lora" });
      await runTuneJob(wanted);
      const whole = await readFile(wanted.out);
      await rm(wanted.out);
      const stop = new AbortController();
      let steps = 0;
      const onEvent: JobHooks["onEvent"] = ({ kind }) => {
        if (kind === "training" && ++steps === 2) stop.abort();
      };
      await expect(runTuneJob(wanted, { onEvent, signal: stop.signal })).rejects.toMatchObject({
        code: "interrupted",
      });
      expect(await readdir(folder)).toEqual(["checkpoints"]);
      await runTuneJob({ ...wanted, resume: true });
      expect((await readFile(wanted.out)).equals(whole)).toBe(true);
    },
  );

  it.each(["lora", "soft", "head"] as const)(
    "of classes by %s publishes a file that loads",
    async (method) => {
      const { report, stored } = await runTuneJob(job("classification", { method }));
      const file = await readPromptFile(job("classification").out);
      expect(file.id).toBe(stored.id);
      expect(file.prompt.manifest).toMatchObject({
        task: "classification",
        input: "image",
        labels: ["left", "middle", "upper"],
        backbone: { image: { width: 12, height: 12 }, patchSize: 4 },
      });
      if (!isClassification(report)) throw new Error("a report of another task");
      expect(report.evaluation.rows).toBe(9);
      expect(report.evaluation.screening).toHaveLength(3);
      expect(report.evaluation.curves?.map(({ curve }) => curve.length)).toEqual([101, 101, 101]);
      for (const { picture } of report.evaluation.mistakes)
        expect(picture?.source).toMatch(/^data:image\/webp;base64,/);
      expect(report.candidates.filter(({ published }) => published)).toHaveLength(1);
    },
  );

  it.each([
    { task: "segmentation", main: "meanIou", labels: ["0", "1"] },
    { task: "detection", main: "map50", labels: ["bright"] },
  ] as const)("of $task publishes a file that loads", async ({ task, main, labels }) => {
    const { report, stored } = await runTuneJob(job(task, { epochs: 2, method: "lora" }));
    const { prompt, id } = await readPromptFile(job(task).out);
    expect(id).toBe(stored.id);
    expect(prompt.manifest).toMatchObject({ task, input: "image", labels });
    expect(report.task).toBe(task);
    expect(report.candidates.map(({ name }) => name)).toEqual(["headAlone", "lora"]);
    for (const { heldOut } of report.candidates) expect(heldOut).toMatchObject({ rows: 9, main });
    expect(report.evaluation.rows).toBe(9);
    if (report.task !== task || !("examples" in report.evaluation)) throw new Error("another evaluation");
    expect(report.evaluation.examples[0]?.picture).toMatchObject({ width: 14, height: 16 });
    if (report.task !== "segmentation") return;
    const calibration = report.evaluation.calibration!;
    // All 144 pixels that a crop lets be seen, of 9 images.
    expect(calibration.bins.reduce((sum, { rows }) => sum + rows, 0)).toBe(9 * 144);
    expect(prompt.manifest.calibration).toMatchObject({
      temperature: expect.closeTo(calibration.temperature, 6),
    });
    const bySum = calibration.bins.reduce((sum, { rows, accuracy }) => sum + rows * accuracy, 0);
    expect(bySum / (9 * 144)).toBeCloseTo(report.evaluation.pixelAccuracy, 6);
    // The same as it is served.
    const test = toyImageRows("test.jsonl", task, 9, 3);
    const { findings } = await evaluateImagePrompt({ backbone: tiny.backbone, stored, test });
    if (findings.task !== "segmentation") throw new Error("findings of another task");
    const served = findings.evaluation.calibration;
    expect(served?.expectedCalibrationError).toBeCloseTo(calibration.expectedCalibrationError, 2);
  });

  it("of masks and boxes in tiles publishes what is served as it was measured, alone and among others", async () => {
    const prompts = new Map<string, Awaited<ReturnType<typeof readPromptFile>>>();
    const notes: string[] = [];
    const test = (task: ImageJob["task"]) => toyImageRows("test.jsonl", task, 9, 3);
    const run = async (task: "segmentation" | "detection", name: string, more: Partial<ImageJob>) => {
      // Boxes take more steps than masks to be found at all.
      const epochs = task === "detection" ? 6 : 2;
      const onEvent: JobHooks["onEvent"] = (event) => event.kind === "note" && notes.push(event.words);
      const wanted = job(task, { epochs, method: "lora", publishAsked: true, ...more });
      const { report } = await runTuneJob(wanted, { onEvent });
      prompts.set(name, await readPromptFile(job(task).out));
      return report;
    };
    const { preprocessingSha256 } = tiny.backbone.manifest.identity;
    for (const task of ["segmentation", "detection"] as const) {
      const report = await run(task, task, { tiles: true });
      const stored = prompts.get(task)!;
      expect(stored.prompt.manifest.backbone.preprocessingSha256).not.toBe(preprocessingSha256);
      expect(stored.prompt.manifest.receipt?.asked).toMatchObject({ tiles: true });
      const told = report.candidates.find(({ published }) => published)?.test;
      const served = await evaluateImagePrompt({ backbone: tiny.backbone, stored, test: test(task) });
      if (!told || !("figures" in told) || !("figures" in served.score)) throw new Error("another score");
      expect(told.rows).toBe(9);
      for (const [name, figure] of Object.entries(told.figures))
        expect(served.score.figures[name], name).toBeCloseTo(figure, 4);
      if (served.findings.task === "segmentation") {
        // Nothing is cropped away: all 224 pixels of 9 images have an answer.
        const { perClass } = served.findings.evaluation;
        expect(perClass.reduce((sum, { pixels }) => sum + pixels, 0)).toBe(9 * 14 * 16);
        if (report.task !== "segmentation") throw new Error("a report of another task");
        expect(served.findings.evaluation.calibration).toEqual(report.evaluation.calibration);
      }
    }
    // The two of three that reach across an image of 14 x 16.
    expect(notes).toEqual([
      expect.stringContaining("12 of 18 objects are wider or higher than a tile (12 x 12"),
    ]);
    await run("segmentation", "whole", { method: "head" });

    const opened = await test("segmentation").open("segment");
    const image = await opened.read("0.png");
    expect(await differingRows(tiny.backbone, prompts, image, 8)).toBe(0);
  });

  it("of masks goes on from the head that was learnt alone", async () => {
    const settings = { promptLearningRate: 0, headLearningRate: 0 };
    const { report } = await runTuneJob(job("segmentation", { epochs: 8, method: "lora", settings }));
    const [alone, still] = report.candidates.map(({ heldOut }) => heldOut);
    expect(still).toEqual(alone);
    expect(alone).toMatchObject({ main: "meanIou", rows: 9 });
  });
});
