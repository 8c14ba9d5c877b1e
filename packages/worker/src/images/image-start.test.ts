import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import type { ImageRow } from "@kilotune/dataset";
import type { Prompt, StoredPrompt } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ImageJob, JobHooks } from "../job.ts";
import { reproducePrompt } from "../reproduce.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { numbersOf } from "../standing-prompt.ts";
import type { ImageRows } from "./image-source.ts";
import { labelsInOrder } from "./image-start.ts";
import { toyImageRows } from "./testing.ts";

let tiny: Awaited<ReturnType<typeof tinyVisionBackbone>>;
let folder: string;
beforeAll(async () => {
  tiny = await tinyVisionBackbone();
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-image-start-"));
});
afterAll(async () => {
  await tiny[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

let count = 0;
/** A job of two epochs that publishes what it tuned. */
const job = (task: ImageJob["task"], more: Partial<ImageJob> = {}): ImageJob => ({
  input: "image",
  task,
  backbone: tiny.backbone,
  train: toyImageRows("train.jsonl", task, 6, 1),
  validation: toyImageRows("validation.jsonl", task, 3, 2),
  method: "lora",
  epochs: 2,
  seed: 1,
  publishAsked: true,
  storage: "float32",
  out: path.join(folder, `${count++}.safetensors`),
  checkpoints: path.join(folder, "checkpoints"),
  resume: false,
  ...more,
});

async function tuned(wanted: ImageJob, hooks: JobHooks = {}): Promise<StoredPrompt> {
  await runTuneJob(wanted, hooks);
  return readPromptFile(wanted.out);
}

/** So small a step that what a run began with is what it ends with. */
const STANDING = { epochs: 1, settings: { promptLearningRate: 1e-7, headLearningRate: 1e-7 } } as const;

describe.each([
  ["classification", "kv", { tokens: 3 }],
  ["multi_label", "soft", { tokens: 2 }],
  ["segmentation", "lora", { tokens: 2, firstLayer: 1 }],
  ["detection", "lora", { tokens: 2 }],
  ["detection", "deep", { tokens: 2, firstLayer: 1 }],
] as const)("%s by %s that goes on from another prompt", (task, method, sizes) => {
  let first: StoredPrompt;
  beforeAll(async () => {
    first = await tuned(job(task, { method, ...sizes }));
  });

  it("begins with its numbers and its head, as its receipt tells, and is made again to the same bytes", async () => {
    const notes: string[] = [];
    const wanted = job(task, { method, ...STANDING, init: { kind: "prompt", prompt: first } });
    const { prompt, id } = await tuned(wanted, {
      onEvent: (event) => event.kind === "note" && notes.push(event.words),
    });
    expect(notes.join()).toContain("from its head, since the labels are the same");
    expect(id).not.toBe(first.id);
    near(promptNumbers(prompt), promptNumbers(first.prompt));
    near(headNumbers(prompt), headNumbers(first.prompt));
    const { receipt } = prompt.manifest;
    expect(receipt?.asked?.init).toEqual({ prompt: first.id.slice(7) });
    expect(receipt?.settings.init).toBe("prompt and head");

    const bytes = new Uint8Array(await readFile(wanted.out));
    const { init: _, ...files } = wanted;
    const again = await reproducePrompt(bytes, tiny.backbone, { ...files, initPrompt: first });
    expect(again).toMatchObject({ same: true, idHere: id });
    await expect(reproducePrompt(bytes, tiny.backbone, files)).rejects.toMatchObject({ code: "bad_init" });
  });

  it.skipIf(task === "segmentation" || task === "multi_label" || method === "deep")(
    "whose labels are others: its head begins afresh",
    async () => {
      const rows = (name: string, many: number) => renamed(toyImageRows(name, task, many, 1));
      const wanted = job(task, {
        method,
        ...STANDING,
        train: rows("train.jsonl", 6),
        validation: rows("validation.jsonl", 3),
        init: { kind: "prompt", prompt: first },
      });
      const { report } = await runTuneJob(wanted);
      const { prompt } = await readPromptFile(wanted.out);
      expect(report.notes.join()).toContain("the head begins afresh");
      expect(prompt.manifest.receipt?.settings.init).toBe("prompt");
      near(promptNumbers(prompt), promptNumbers(first.prompt));
      const [own, theirs] = [headNumbers(prompt), headNumbers(first.prompt)];
      expect(own.some((value, at) => Math.abs(value - theirs[at]!) > 1e-3)).toBe(true);
    },
  );
});

it("labels stand in the order of the prompt that is gone on from, where they are the same", async () => {
  const stored = await tuned(job("detection", { method: "head", epochs: 1 }));
  const { prompt } = stored;
  const manifest = { ...prompt.manifest, labels: ["RBC", "WBC"] };
  const init = { kind: "prompt", prompt: { ...stored, prompt: { ...prompt, manifest } as Prompt } } as const;
  expect(labelsInOrder({ init }, ["WBC", "RBC"])).toEqual(["RBC", "WBC"]);
  for (const other of [["RBC"], ["RBC", "Platelets"], ["RBC", "WBC", "Platelets"]])
    expect(labelsInOrder({ init }, other)).toBe(other);
  expect(labelsInOrder({}, manifest.labels)).toBe(manifest.labels);
});

it("a head alone goes on where it is learnt step by step", async () => {
  const first = await tuned(job("detection", { method: "head" }));
  const init = { kind: "prompt", prompt: first } as const;
  const next = await tuned(job("detection", { method: "head", init, epochs: 1, seed: 2 }));
  const fresh = await tuned(job("detection", { method: "head", epochs: 1, seed: 2 }));
  const begun = headNumbers(first.prompt);
  const distance = ({ prompt }: StoredPrompt) =>
    headNumbers(prompt).reduce((sum, value, at) => sum + (value - begun[at]!) ** 2, 0);
  expect(distance(next)).toBeGreaterThan(0);
  expect(distance(next)).toBeLessThan(distance(fresh) / 4);
  expect(next.prompt.manifest.receipt).toMatchObject({
    settings: { init: "head" },
    asked: { init: { prompt: first.id.slice(7) } },
  });
});

it("a run that was stopped goes on to the same bytes, one without the start doesn't", async () => {
  const first = await tuned(job("classification", { tokens: 2 }));
  const wanted = job("classification", { init: { kind: "prompt", prompt: first } });
  const whole = await tuned(wanted);
  const controller = new AbortController();
  const onEvent: JobHooks["onEvent"] = ({ kind }) => {
    if (kind === "training") controller.abort();
  };
  const { signal } = controller;
  await expect(runTuneJob(wanted, { onEvent, signal })).rejects.toMatchObject({ code: "interrupted" });
  const notes: string[] = [];
  const { init: _, ...other } = { ...wanted, tokens: 2, resume: true };
  await runTuneJob(other, { onEvent: (event) => event.kind === "note" && notes.push(event.words) });
  expect(notes.join()).toContain("of another job");
  await expect(runTuneJob(wanted, { onEvent, signal })).rejects.toMatchObject({ code: "interrupted" });
  expect((await tuned({ ...wanted, resume: true })).id).toBe(whole.id);
});

it("what a sweep found is what is tuned", async () => {
  const { prompt } = await tuned(job("classification", { method: "kv", settings: { tokens: 3 } }));
  expect(prompt.manifest).toMatchObject({ sites: { tokens: 3 } });
});

describe("refused before anything is learnt:", () => {
  let lora: StoredPrompt;
  beforeAll(async () => {
    lora = await tuned(job("detection", { tokens: 2, firstLayer: 1 }));
  });
  const refusal = async (task: ImageJob["task"], more: Partial<ImageJob>, prompt = lora) => {
    const stages: unknown[] = [];
    const onEvent: JobHooks["onEvent"] = (event) => {
      if (event.kind === "stage") stages.push(event.stage);
    };
    const init = { kind: "prompt", prompt } as const;
    const error = await runTuneJob(job(task, { init, ...more }), { onEvent }).catch((caught) => caught);
    expect(stages).not.toContain("tune");
    return `${error.code}: ${error.message}`;
  };

  it("words, another task, another method, another shape", async () => {
    expect(await refusal("detection", { init: { kind: "labels" } })).toContain("bad_init");
    expect(await refusal("segmentation", {})).toContain("wrong_task: expected a prompt for segmentation");
    expect(await refusal("detection", { method: "kv" })).toContain("a prompt of method kv, saw lora");
    expect(await refusal("detection", { method: "deep" })).toContain("a prompt of method deep, saw lora");
    expect(await refusal("detection", { method: "head" })).toContain("a prompt of method head, saw lora");
    expect(await refusal("detection", { tokens: 4 })).toContain("expected rank 4 on");
    expect(await refusal("detection", { firstLayer: 0 })).toContain("from layer 0 on, saw rank 2");
  });

  it("a head that is fitted to its end, one for other labels, tiles, another backbone", async () => {
    const classes = await tuned(job("classification", { method: "head" }));
    expect(await refusal("classification", { method: "head" }, classes)).toContain(
      "learns a prompt, saw head",
    );
    const head = await tuned(job("detection", { method: "head" }));
    const train = renamed(toyImageRows("train.jsonl", "detection", 6, 1));
    expect(await refusal("detection", { method: "head", train }, head)).toContain(
      'a head for "other bright", saw one for "bright"',
    );
    expect(await refusal("detection", { tiles: true })).toContain("tuned with tiles, saw one without");
    await using other = await tinyVisionBackbone({ imageSize: [8, 8] });
    expect(await refusal("detection", { backbone: other.backbone })).toContain("backbone_mismatch");
  });
});

const near = (own: readonly number[], theirs: readonly number[]) => {
  expect(own).toHaveLength(theirs.length);
  for (const [at, value] of own.entries()) expect(value).toBeCloseTo(theirs[at]!, 4);
};

function promptNumbers(prompt: Prompt): number[] {
  if (prompt.method === "head") throw new Error("a head alone was published");
  return [...numbersOf(prompt)];
}

/** A linear head as its first logits have it. */
function headNumbers({ head }: Prompt): number[] {
  if ("numbers" in head) return Object.values(head.numbers).flatMap((values) => [...values]);
  return head.kind === "none" ? [] : [...head.weight];
}

/** The same rows under other labels. */
function renamed(rows: ImageRows): ImageRows {
  return {
    ...rows,
    async open(task) {
      const opened = await rows.open(task);
      const other = ({ target, ...row }: ImageRow): ImageRow => {
        if (target.kind === "labels")
          return { ...row, target: { ...target, labels: target.labels.map((label) => `other ${label}`) } };
        if (target.kind !== "objects") return { ...row, target };
        const objects = target.objects.map((each) => ({ ...each, label: `other ${each.label}` }));
        return { ...row, target: { ...target, objects } };
      };
      const readings = [];
      for await (const reading of opened.readings)
        readings.push(reading.kind === "row" ? { ...reading, row: other(reading.row) } : reading);
      return { ...opened, readings };
    },
  };
}
