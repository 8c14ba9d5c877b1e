import { cp, readFile } from "node:fs/promises";
import { tinyBackbone } from "@kilotune/backbone/testing";
import { readPromptFile } from "@kilotune/prompt/node";
import { describe, expect, it } from "vitest";
import type { PromptInit, TextJob } from "../job.ts";
import { reproducePrompt } from "../reproduce.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { lines, tinyPlace, toyJob, toyRows } from "../testing.ts";

const place = tinyPlace();

/** A job that publishes what it tuned, and its file. */
async function tuned(more: Partial<TextJob> = {}) {
  const job: TextJob = { ...toyJob(place.tiny, place.folder, more), publishAsked: true };
  await runTuneJob(job);
  return { job, stored: await readPromptFile(job.out), bytes: new Uint8Array(await readFile(job.out)) };
}

/** The same job to another file, stopped after its first step. */
async function interrupted(job: TextJob): Promise<TextJob> {
  const controller = new AbortController();
  const stopped = { ...job, out: `${place.folder}/again.safetensors` };
  const onEvent = ({ kind }: { kind: string }) => {
    if (kind === "training") controller.abort();
  };
  const { signal } = controller;
  await expect(runTuneJob(stopped, { onEvent, signal })).rejects.toMatchObject({ code: "interrupted" });
  return stopped;
}

const tagged = (name: string, seed: number) =>
  lines(
    name,
    toyRows(3, seed).map(({ text, label }) => {
      const tokens = text.split(" ");
      return JSON.stringify({ tokens, tags: tokens.map((_, at) => (at === 0 ? `B-${label}` : "O")) });
    }),
  );

describe("a job's prompt that starts from", () => {
  it.each<[PromptInit, TextJob["method"]]>([
    [{ kind: "vocabulary" }, "kv"],
    [{ kind: "labels" }, "soft"],
    [{ kind: "examples" }, "kv"],
    [{ kind: "text", text: "my card is late" }, "soft"],
    [{ kind: "labels" }, "deep"],
  ])(
    "%j by %s: another prompt than at random, told by its receipt, made again to the same bytes",
    async (init, method) => {
      const plain = await tuned({ method });
      const { job, stored, bytes } = await tuned({ method, init });
      const { receipt } = stored.prompt.manifest;
      expect(receipt?.asked?.init).toEqual(init.kind === "text" ? { text: init.text } : init.kind);
      expect(receipt?.settings.init).toBe(init.kind);
      expect(stored.id).not.toBe(plain.stored.id);
      const again = await reproducePrompt(bytes, place.tiny.backbone, job);
      expect(again).toMatchObject({ same: true, idHere: stored.id });
    },
  );

  it("a text is as long as the text, unless the job says otherwise", async () => {
    const init = { kind: "text", text: "my card is late" } as const;
    const { tokens: _, ...open } = toyJob(place.tiny, place.folder, { method: "soft", init, epochs: 1 });
    await runTuneJob({ ...open, publishAsked: true });
    expect((await readPromptFile(open.out)).prompt.manifest).toMatchObject({ sites: { tokens: 4 } });
    const cut = await tuned({ method: "soft", init, tokens: 3, epochs: 1 });
    expect(cut.stored.prompt.manifest).toMatchObject({ sites: { tokens: 3 } });
  });

  it.each(["kv", "bias", "deep"] as const)(
    "another prompt, of %s, goes on from its numbers, whose file's hash the receipt tells",
    async (method) => {
      const first = await tuned({ method, firstLayer: 1, tokens: 3, storage: "float32" });
      const { tokens: _, ...job } = toyJob(place.tiny, place.folder, {
        method,
        init: { kind: "prompt", prompt: first.stored },
        settings: { promptLearningRate: 1e-6 },
        epochs: 1,
        storage: "float32",
      });
      await runTuneJob({ ...job, publishAsked: true });
      const { prompt, id } = await readPromptFile(job.out);
      const numbers = (from: typeof prompt) =>
        from.method === "kv" ? [...from.kv.data] : from.method === "bias" ? [...from.bias.data] : [];
      const before = numbers(first.stored.prompt);
      expect(numbers(prompt)).toHaveLength(before.length);
      for (const [at, value] of numbers(prompt).entries()) expect(value).toBeCloseTo(before[at]!, 4);
      expect(numbers(prompt)).not.toEqual(before);
      expect(prompt.manifest.receipt?.asked?.init).toEqual({ prompt: first.stored.id.slice(7) });

      const bytes = new Uint8Array(await readFile(job.out));
      const { init: __, ...files } = job;
      const { backbone } = place.tiny;
      const again = await reproducePrompt(bytes, backbone, { ...files, initPrompt: first.stored });
      expect(again).toMatchObject({ same: true, idHere: id });
      await expect(reproducePrompt(bytes, backbone, files)).rejects.toMatchObject({ code: "bad_init" });
      const other = { ...first.stored, id: `sha256-${"0".repeat(64)}` };
      await expect(reproducePrompt(bytes, backbone, { ...files, initPrompt: other })).rejects.toThrow(
        "saw 0000",
      );
    },
  );

  it("the names of its tags' spans", async () => {
    const files = { train: tagged("train.jsonl", 1), validation: tagged("validation.jsonl", 2) };
    const { test: _, ...job } = toyJob(place.tiny, place.folder, { task: "tagging", epochs: 1, ...files });
    const wanted: TextJob = { ...job, publishAsked: true };
    const plain = await runTuneJob(wanted);
    const named = await runTuneJob({ ...wanted, init: { kind: "labels" } });
    expect(named.stored.id).not.toBe(plain.stored.id);
  });

  it("an interrupted run goes on to the same bytes", async () => {
    const whole = await tuned({ init: { kind: "labels" } });
    const stopped = await interrupted(whole.job);
    const { stored } = await runTuneJob({ ...stopped, resume: true });
    expect(stored.id).toBe(whole.stored.id);
  });
});

describe("learnt through", () => {
  it.each([
    ["low-rank:2", "kv", { kind: "low-rank", rank: 2 }],
    ["mlp:8", "soft", { kind: "mlp", width: 8 }],
  ] as const)(
    "%s a %s's file has the plain layout, and is made again to the same bytes",
    async (words, method, reparam) => {
      const init = { kind: "labels" } as const;
      const plain = await tuned({ method, init });
      const { job, stored, bytes } = await tuned({ method, reparam, init });
      const { receipt, storage, metrics: _, head, calibration: __, ...same } = stored.prompt.manifest;
      expect(plain.stored.prompt.manifest).toMatchObject({ ...same, head });
      expect(stored.id).not.toBe(plain.stored.id);
      expect(stored.sizeBytes - plain.stored.sizeBytes).toBeLessThan(200);
      expect(receipt).toMatchObject({ asked: { reparam }, settings: { reparam: words } });
      const again = await reproducePrompt(bytes, place.tiny.backbone, job);
      expect(again).toMatchObject({ same: true, idHere: stored.id });
    },
  );

  it("an MLP, interrupted: goes on to the same bytes; a job without it doesn't go on", async () => {
    const whole = await tuned({ reparam: { kind: "mlp", width: 8 } });
    const stopped = await interrupted(whole.job);
    const { reparam: _, ...other } = stopped;
    const notes: string[] = [];
    const resumed = { ...other, resume: true, checkpoints: `${place.folder}/copy` };
    await cp(stopped.checkpoints, resumed.checkpoints, { recursive: true });
    await runTuneJob(resumed, { onEvent: (event) => event.kind === "note" && notes.push(event.words) });
    expect(notes.join()).toContain("of another job");
    expect((await runTuneJob({ ...stopped, resume: true })).stored.id).toBe(whole.stored.id);
  });
});

it.each(["head", "lora", "bias"] as const)("%s is learnt through nothing: refused", async (method) => {
  const job = toyJob(place.tiny, place.folder, { method, reparam: { kind: "mlp", width: 8 } });
  await expect(runTuneJob(job)).rejects.toMatchObject({ code: "bad_reparam" });
});

describe("refused before anything is learnt:", () => {
  const refusal = async (more: Partial<TextJob>) => {
    const stages: unknown[] = [];
    const onEvent = (event: { kind: string; stage?: unknown }) => {
      if (event.kind === "stage") stages.push(event.stage);
    };
    const job = toyJob(place.tiny, place.folder, more);
    const error = await runTuneJob(job, { onEvent }).then(
      () => undefined,
      (caught: Error & { code: string }) => caught,
    );
    expect(stages).not.toContain("tune");
    return { code: error?.code, message: error?.message };
  };

  it("a head, low-rank products, a task without labels, a text without words", async () => {
    expect(await refusal({ method: "head", init: { kind: "labels" } })).toMatchObject({ code: "bad_init" });
    expect(await refusal({ method: "lora", init: { kind: "vocabulary" } })).toMatchObject({
      code: "bad_init",
    });
    expect(await refusal({ init: { kind: "text", text: " " } })).toMatchObject({ code: "bad_init" });
    const { validation: _, test: __, ...job } = toyJob(place.tiny, place.folder);
    const valued = lines(
      "train.jsonl",
      toyRows(4, 1).map(({ text }) => JSON.stringify({ text, value: text.length })),
    );
    const regression: TextJob = { ...job, train: valued, task: "regression", init: { kind: "labels" } };
    await expect(runTuneJob(regression)).rejects.toThrow("one without labels");
  });

  it("a prompt of another method, shape or backbone, by name", async () => {
    const kv = (await tuned({ tokens: 3, firstLayer: 1, epochs: 1 })).stored;
    const init = { kind: "prompt", prompt: kv } as const;
    expect((await refusal({ init, method: "soft" })).message).toContain(
      "expected a prompt of method soft, saw kv",
    );
    // No tokens became the numbers of a prefix that was tuned as one.
    expect((await refusal({ init, method: "deep" })).message).toContain("of method deep, saw kv");
    expect((await refusal({ init, tokens: 4 })).message).toContain(
      "expected 4 tokens on 1 layers from layer 1 on, saw 3 tokens on 1 layers from layer 1 on",
    );
    expect((await refusal({ init, tokens: 3, firstLayer: 0 })).message).toContain(
      "expected 3 tokens on 2 layers",
    );
    const head = (await tuned({ method: "head" })).stored;
    expect((await refusal({ init: { kind: "prompt", prompt: head } })).message).toContain("saw head");
    await using other = await tinyBackbone({ words: ["another", "list"] });
    expect(await refusal({ init, tokens: 3, backbone: other.backbone })).toMatchObject({
      code: "backbone_mismatch",
    });
  });
});
