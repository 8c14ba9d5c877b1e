import { readFileSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { readPromptFile } from "@kilotune/prompt/node";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { JobEvent } from "../job.ts";
import { openTiny, type Row, toyRows } from "../testing.ts";
import { childCompute } from "./child-compute.ts";
import type { Compute, TuneTask } from "./tasks.ts";

let tiny: TinyBackbone;
let folder: string;
let compute: Compute;
beforeAll(async () => {
  tiny = await openTiny();
  // Not the lowest: other tests run beside this one.
  compute = childCompute({ bundles: new Map([["tiny", tiny.bundle]]), threads: 1, priority: 1 });
});
afterAll(() => tiny[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-child-"));
  await write("train.jsonl", toyRows(10, 1));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (name: string, rows: readonly Row[]) =>
  writeFile(path.join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

const file = (name: string) => ({ path: path.join(folder, name), name, format: "jsonl" as const });

const task = (more: Partial<TuneTask> = {}): TuneTask => ({
  kind: "tune",
  backbone: "tiny",
  input: "text",
  task: "classification",
  outOfScope: undefined,
  train: file("train.jsonl"),
  validation: undefined,
  method: "kv",
  tokens: 2,
  firstLayer: undefined,
  epochs: 1,
  seed: 1,
  title: "toy",
  createdAt: new Date(0),
  folder,
  ...more,
});

const quiet = { onEvent: () => {}, signal: new AbortController().signal };

/** Of this process, as Linux tells; the test that needs it is skipped elsewhere. */
function children(): number[] {
  const list = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}

it("does a task in another process: its files are there, its events arrive, its prompt answers", async () => {
  const events: JobEvent[] = [];
  const { promptId, trainedTokens } = await compute.tune(task({ folds: 2 }), {
    ...quiet,
    onEvent: (event) => events.push(event),
  });
  const stored = await readPromptFile(path.join(folder, "prompt.safetensors"));
  expect(stored.id).toBe(`sha256-${promptId}`);
  expect(trainedTokens).toBeGreaterThan(30);
  expect(await readdir(folder)).toEqual(["prompt.safetensors", "report.json", "train.jsonl"]);
  const report = readFileSync(path.join(folder, "report.json"), "utf8");
  expect(report).not.toContain(folder);
  expect(JSON.parse(report).crossValidation.folds).toHaveLength(2);
  const lint = events.find((event) => event.kind === "lint");
  expect(lint?.report.labels).toEqual(
    new Map([
      ["card", 10],
      ["refund", 10],
      ["parcel", 10],
    ]),
  );

  const answers = await compute.answer(
    {
      kind: "answer",
      backbone: "tiny",
      input: "text",
      task: "classification",
      prompt: path.join(folder, "prompt.safetensors"),
      rows: file("train.jsonl"),
      maxRows: 20,
    },
    quiet,
  );
  expect(answers).toMatchObject({ rows: 15, disagreeing: 0 });
});

it("tells the errors of the work as they were", async () => {
  await write("train.jsonl", toyRows(10, 1).slice(0, 10));
  await expect(compute.tune(task(), quiet)).rejects.toMatchObject({
    code: "invalid_training_file",
    kind: "input",
  });
  await expect(compute.tune(task({ backbone: "gone" }), quiet)).rejects.toMatchObject({
    code: "model_not_found",
  });
});

it("says so where the backbone was built anew by another version while the server ran", async () => {
  const bundle = path.join(folder, "bundle");
  await cp(tiny.bundle, bundle, { recursive: true });
  const manifest = path.join(bundle, "manifest.json");
  const newer = { ...JSON.parse(await readFile(manifest, "utf8")), format: "kilotune.backbone/99" };
  await writeFile(manifest, JSON.stringify(newer));
  const other = childCompute({ bundles: new Map([["tiny", bundle]]), threads: 1, priority: 1 });
  const failed = other.tune(task(), quiet);
  await expect(failed).rejects.toMatchObject({ code: "backbone_replaced", kind: "machine" });
  await expect(failed).rejects.not.toThrow(folder);
});

it("tells which device it chose, where it was to choose", async () => {
  const bundles = new Map([["tiny", tiny.bundle]]);
  const choosing = childCompute({ bundles, threads: 1, priority: 1, device: "auto" });
  const stop = new AbortController();
  const events: JobEvent[] = [];
  const onEvent = (event: JobEvent) => {
    events.push(event);
    stop.abort();
  };
  await expect(choosing.tune(task(), { onEvent, signal: stop.signal })).rejects.toMatchObject({
    code: "interrupted",
  });
  expect(events[0]).toEqual({
    kind: "device",
    device: expect.stringMatching(/^(cpu|cuda)$/),
    because: expect.any(String),
  });
});

it("stops where it is told to, with a checkpoint", async () => {
  const stop = new AbortController();
  const onEvent = (event: JobEvent) => event.kind === "training" && stop.abort();
  const stopped = compute.tune(task({ epochs: 500 }), { onEvent, signal: stop.signal });
  await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
  expect(await readdir(path.join(folder, "checkpoints"))).toEqual(["selection-0.checkpoint"]);
});

it.runIf(process.platform === "linux")(
  "says that it died where it died, at the priority it was given",
  async () => {
    let priority: number | undefined;
    const onEvent = (event: JobEvent) => {
      if (event.kind !== "training") return;
      for (const pid of children()) {
        priority ??= os.getPriority(pid);
        process.kill(pid, "SIGKILL");
      }
    };
    const died = compute.tune(task({ epochs: 500 }), { ...quiet, onEvent });
    await expect(died).rejects.toMatchObject({ name: "WorkerDied" });
    expect(priority).toBe(1);
  },
);

it.skipIf(process.platform !== "linux")(
  "kills a process that hangs, so that the job is tried again",
  async () => {
    const before = children();
    const hasty = childCompute({
      bundles: new Map([["tiny", tiny.bundle]]),
      threads: 1,
      priority: 1,
      silentMs: 3_000,
    });
    let hung: number | undefined;
    const onEvent = () => {
      hung ??= children().find((pid) => !before.includes(pid));
      if (hung !== undefined) process.kill(hung, "SIGSTOP");
    };
    const tuning = hasty.tune(task({ epochs: 200 }), { ...quiet, onEvent });
    await expect(tuning).rejects.toMatchObject({
      name: "WorkerDied",
      message: expect.stringContaining("silent for 3 s"),
    });
    await expect.poll(() => children().includes(hung as number)).toBe(false);
  },
);
