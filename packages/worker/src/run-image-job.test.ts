import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { isClassification } from "@kilotune/contract";
import { readPromptFile } from "@kilotune/prompt/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ImageJob } from "./job.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { toyImageRows } from "./images/testing.ts";

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
  });
});
