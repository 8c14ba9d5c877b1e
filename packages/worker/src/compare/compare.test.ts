import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { bestCompared, type ClassificationScore, type ComparedMethod, mainFigure } from "@kilotune/contract";
import { readPromptFile } from "@kilotune/prompt/node";
import { describe, expect, it } from "vitest";
import { evaluatePrompt } from "../evaluate.ts";
import type { JobEvent, TextJob } from "../job.ts";
import { reproducePrompt } from "../reproduce.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { jsonl, openTiny, tinyPlace, toyJob, toyRows } from "../testing.ts";
import { COMPARED, type CompareHooks, type Comparison, runComparison } from "./compare.ts";
import { foldsScore } from "./folds-score.ts";

const place = tinyPlace();

const comparison = (more: Partial<Comparison> = {}): Comparison => {
  const { backbone, train, validation, test } = toyJob(place.tiny, place.folder);
  const files = { train, validation: validation!, test: test! };
  return {
    ...{ backbone, ...files, epochs: 2, seed: 1, methods: COMPARED },
    folder: path.join(place.folder, "compared"),
    resume: false,
    ...more,
  };
};

async function compared(asked: Comparison, hooks: CompareHooks = {}) {
  const told: { name: string; known: boolean }[] = [];
  const result = await runComparison(asked, {
    ...hooks,
    onMethod: (method, done) => {
      told.push({ name: method.name, known: done.known });
      hooks.onMethod?.(method, done);
    },
  });
  return { ...result, told };
}

const of = (methods: readonly ComparedMethod[], name: string) =>
  methods.find((each) => each.name === name) as ComparedMethod;

it("measures each way on the same rows, and leaves the prompts that it measured", async () => {
  const { methods, files, report, told } = await compared(comparison());
  expect(methods.map(({ name }) => name)).toEqual(COMPARED);
  expect(told.map(({ name }) => name)).toEqual(COMPARED);
  for (const { heldOut, test, sizeBytes, seconds } of methods) {
    expect([heldOut?.rows, test?.rows]).toEqual([15, 15]);
    expect(sizeBytes).toBeGreaterThan(0);
    expect(seconds).toBeGreaterThan(0);
  }
  const [H, classes] = [32, 3];
  expect(of(methods, "zero-shot")).toMatchObject({
    trainableParameters: 0,
    sizeBytes: "cardparcelrefund".length,
  });
  expect(of(methods, "few-shot")).toMatchObject({ sizeBytes: 30 * H * 2, switchSeconds: null });
  expect(of(methods, "linear-probe").trainableParameters).toBe(classes * (H + 1));
  const weights = [...(await place.tiny.backbone.weights()).values()];
  expect(of(methods, "full").trainableParameters).toBe(
    weights.reduce((sum, { data }) => sum + data.length, 0),
  );

  expect(Object.keys(files)).toEqual(["linear-probe", "soft", "kv", "deep", "lora", "bias"]);
  for (const [name, file] of Object.entries(files)) {
    const stored = await readPromptFile(file);
    const method = of(methods, name);
    expect(stored.sizeBytes).toBe(method.sizeBytes);
    expect(method.switchSeconds).toBeGreaterThanOrEqual(0);
    // Whatever held-out rows say of a prompt: it is itself that is measured, and its file.
    const published: Readonly<Record<string, string>> = { "linear-probe": "head", deep: "kv" };
    expect(stored.prompt.method).toBe(published[name] ?? name);
    const { backbone, test } = toyJob(place.tiny, place.folder);
    const { evaluation } = await evaluatePrompt({ backbone, stored, test: test! });
    expect(mainFigure(method.test!).value).toBeCloseTo(evaluation.accuracy, 9);
  }
  const { backbone, test: _, ...learnt } = comparison();
  const soft = new Uint8Array(await readFile(files.soft!));
  expect(await reproducePrompt(soft, backbone, learnt)).toMatchObject({ same: true });
  expect((await readdir(comparison().folder)).filter((name) => name.endsWith(".checkpoint"))).toEqual([]);

  const best = report?.candidates.find(({ published }) => published);
  const values = Object.keys(files).map((name) => mainFigure(of(methods, name).heldOut!).value);
  expect(mainFigure(best!.heldOut!).value).toBe(Math.max(...values));
  expect(report?.comparison).toEqual(methods);
});

it("tells of neighbours and probe what a job tells of its baselines", async () => {
  const { methods } = await compared(comparison({ methods: ["few-shot", "linear-probe"] }));
  const { report } = await runTuneJob(toyJob(place.tiny, place.folder, { method: "head" }));
  const baseline = (name: string) => report.candidates.find((each) => each.name === name)!;
  const knn = baseline("knn");
  expect(of(methods, "few-shot")).toMatchObject({
    heldOut: knn.heldOut,
    test: knn.test,
    sizeBytes: knn.sizeBytes,
  });
  expect(of(methods, "linear-probe").heldOut).toEqual(baseline("linearProbe").heldOut);
});

it("goes on where it was stopped: nothing is measured twice, and the end is the same", async () => {
  const asked = comparison({ methods: ["zero-shot", "linear-probe", "kv", "lora"] });
  const controller = new AbortController();
  const stopped = compared(asked, {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.kind === "training" && event.epoch === 2) controller.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({
    code: "interrupted",
    hint: expect.stringContaining("--resume"),
  });
  expect(await readdir(asked.folder)).toContain("kv.safetensors.checkpoint");
  const again = await compared({ ...asked, resume: true });
  expect(again.told.map(({ known }) => known)).toEqual([true, true, false, false]);
  const third = await compared({ ...asked, resume: true });
  expect(third.told.every(({ known }) => known)).toBe(true);
  // As read from the folder, to the last digit.
  expect(third.methods).toEqual(again.methods);
  expect(JSON.stringify(third.report)).toBe(JSON.stringify(again.report));
  const kv = await readFile(again.files.kv!);
  const whole = await compared({ ...asked, methods: ["kv"] });
  expect(whole.told).toEqual([{ name: "kv", known: false }]);
  expect((await readFile(whole.files.kv!)).equals(kv)).toBe(true);
});

it("measures again what isn't whole, or isn't of the same comparison", async () => {
  const known = async (more: Partial<Comparison>) =>
    (await compared(comparison({ resume: true, ...more }))).told.map(({ known }) => known);
  const names = (more: Partial<Comparison> = {}) => known({ methods: ["zero-shot"], ...more });
  expect(await names()).toEqual([false]);
  expect(await names()).toEqual([true]);
  expect(await names({ resume: false })).toEqual([false]);
  expect(await names({ seed: 2 })).toEqual([false]);
  expect(await names({ test: jsonl("test.jsonl", toyRows(5, 4)) })).toEqual([false]);
  expect(await names()).toEqual([false]);
  const file = path.join(comparison().folder, "frozen.figures.jsonl");
  const text = await readFile(file, "utf8");
  for (const damaged of ["", "{}\n{}\n", text.slice(0, -9), text.replace('ters":0', 'ters":9'), "\0\0\0"]) {
    await writeFile(file, damaged);
    expect(await names()).toEqual([false]);
  }
  // A prompt that isn't the one whose figures stand there.
  const probe = () => known({ methods: ["linear-probe"] });
  expect(await probe()).toEqual([false]);
  const prompt = path.join(comparison().folder, "linear-probe.safetensors");
  await writeFile(prompt, "no prompt");
  expect(await probe()).toEqual([false]);
  await rm(prompt);
  expect(await probe()).toEqual([false]);
  expect(await probe()).toEqual([true]);
});

it("leaves the labels' names out where rows are pairs", async () => {
  const pairs = (name: string, seed: number) => {
    const rows = toyRows(8, seed).map(({ text, label }) => ({ text, text_pair: "is it", label }));
    return jsonl(name, rows);
  };
  const files = {
    train: pairs("train.jsonl", 1),
    validation: pairs("v.jsonl", 2),
    test: pairs("test.jsonl", 3),
  };
  const events: JobEvent[] = [];
  const asked = comparison({ ...files, methods: ["zero-shot", "few-shot"] });
  const { methods } = await compared(asked, { onEvent: (event) => events.push(event) });
  expect(methods.map(({ name }) => name)).toEqual(["few-shot"]);
  expect(events).toContainEqual({ kind: "note", words: expect.stringContaining("zero-shot is left out") });
  await expect(compared({ ...asked, methods: ["zero-shot"] })).rejects.toMatchObject({
    code: "nothing_to_compare",
  });
});

it("refuses a backbone that can't be tuned as a whole before anything is measured", async () => {
  await using rounded = await openTiny({ precision: "int8" });
  const { manifest } = place.tiny.backbone;
  const large = { ...place.tiny.backbone, manifest: { ...manifest, weightsBytes: 50e6 * 4 + 1e6 } };
  for (const backbone of [rounded.backbone, large])
    await expect(compared(comparison({ backbone }))).rejects.toMatchObject({
      code: "not_tunable",
      kind: "usage",
    });
  expect(await readdir(place.folder)).toEqual([]);
});

it("one row a class: nothing is held out, no way is the best, test rows are answered all the same", async () => {
  const { validation: _, ...asked } = comparison({
    methods: ["zero-shot", "few-shot", "linear-probe"],
    shots: 1,
  });
  const { methods } = await compared(asked);
  for (const { heldOut, test } of methods) expect([heldOut, test?.rows]).toEqual([null, 15]);
  expect(bestCompared(methods)).toBeUndefined();
});

describe("in folds", () => {
  const inFolds = (more: Partial<Comparison> = {}): Comparison => {
    const { test: _, ...asked } = comparison({ folds: 3, ...more });
    return asked;
  };

  it("without a test file each method's figures are those of the job in the same folds", async () => {
    const names = COMPARED.filter((name) => name !== "soft" && name !== "lora");
    const { methods, report } = await compared(inFolds({ methods: names }));
    expect(methods.map(({ name }) => name)).toEqual(names);
    const tuned = async (method: TextJob["method"], more: Partial<TextJob> = {}) => {
      const { test: _, tokens: _t, ...job } = toyJob(place.tiny, place.folder, { method, ...more });
      const { report } = await runTuneJob({ ...job, folds: 3, publishAsked: true });
      return report.crossValidation!.candidates;
    };
    const head = await tuned("head", { fullTuning: true });
    const expected = {
      "few-shot": head.find(({ name }) => name === "knn"),
      "linear-probe": head.find(({ name }) => name === "head"),
      kv: (await tuned("kv")).find(({ name }) => name === "kv"),
      full: head.find(({ name }) => name === "full"),
    };
    for (const [name, crossed] of Object.entries(expected)) {
      const scores = crossed!.scores as ClassificationScore[];
      const right = scores.reduce((sum, { rows, accuracy }) => sum + rows * accuracy, 0);
      const { test, crossValidated } = of(methods, name);
      expect(test).toBeNull();
      expect(crossValidated).toMatchObject({ rows: 30, folds: 3, deviation: crossed!.deviation });
      expect(crossValidated!.accuracy).toBeCloseTo(right / 30, 12);
      const [low, high] = crossValidated!.interval;
      expect([low < crossValidated!.accuracy, high > crossValidated!.accuracy]).toEqual([true, true]);
    }
    for (const method of methods) expect(method.crossValidated).toMatchObject({ rows: 30 });
    const best = bestCompared(methods)!.crossValidated!.accuracy;
    expect(best).toBe(Math.max(...methods.map(({ crossValidated }) => crossValidated!.accuracy)));
    expect(report?.crossValidation?.folds).toHaveLength(3);
    const again = await compared(inFolds({ resume: true, methods: names }));
    expect(again.told.every(({ known }) => known)).toBe(true);
    expect(again.methods).toEqual(methods);
    expect((await readdir(inFolds().folder)).filter((name) => name.endsWith(".checkpoint"))).toEqual([]);
    const other = await compared(inFolds({ resume: true, folds: 2, methods: ["zero-shot"] }));
    expect(other.told).toEqual([{ name: "zero-shot", known: false }]);
  });

  it("full tuning goes on in the middle of its folds, to the same figures", async () => {
    const asked = inFolds({ methods: ["full"] });
    const whole = await compared(asked);
    const stop = new AbortController();
    let runs = 0;
    const stopped = compared(asked, {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.kind === "stage" && event.words.startsWith("full fine-tuning")) runs++;
        if (event.kind === "training" && runs === 3) stop.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
    const names = await readdir(path.join(asked.folder, "full.safetensors.checkpoint"));
    expect(names).toContain("fold-1-of-3-whole-0.checkpoint");
    let steps = 0;
    const onEvent = (event: JobEvent) => void (event.kind === "training" && steps++);
    const again = await compared({ ...asked, resume: true }, { onEvent });
    expect(of(again.methods, "full").crossValidated).toEqual(of(whole.methods, "full").crossValidated);
    // Two of the four runs, of two epochs each.
    expect(steps).toBeLessThan(2 * 2 * Math.ceil(30 / 8));
  });

  it("a fold that diverged leaves none", () => {
    const score = (accuracy: number) => ({ rows: 10, accuracy, macroF1: 0.5, interval: [0, 1] as const });
    expect(foldsScore({ scores: [score(0.5), null], deviation: 0 })).toBeNull();
    expect(foldsScore({ scores: [score(0.5), score(0.7)], deviation: 0.14 })).toMatchObject({
      accuracy: 0.6,
      macroF1: 0.5,
      rows: 20,
    });
  });
});

describe("starts and factors", () => {
  it("are of the methods that know them, and the others learn as without", async () => {
    const notes: JobEvent[] = [];
    const reparam = { kind: "low-rank", rank: 2 } as const;
    const more = { methods: ["linear-probe", "kv", "lora"], init: { kind: "labels" }, reparam } as const;
    const { methods, files } = await compared(comparison(more), { onEvent: (event) => notes.push(event) });
    expect(of(methods, "kv")).toMatchObject({ init: "labels", reparam: "low-rank:2" });
    for (const name of ["linear-probe", "lora"]) {
      expect(of(methods, name)).not.toHaveProperty("init");
      expect(of(methods, name)).not.toHaveProperty("reparam");
    }
    expect(notes).toContainEqual({ kind: "note", words: expect.stringContaining("lora") });
    const { prompt } = await readPromptFile(files.kv!);
    expect(prompt.manifest.receipt?.asked).toMatchObject({ init: "labels", reparam });
    const plain = await compared(comparison({ methods: ["kv", "lora"], folder: `${place.folder}/plain` }));
    expect((await readFile(plain.files.lora!)).equals(await readFile(files.lora!))).toBe(true);
    expect((await readFile(plain.files.kv!)).equals(await readFile(files.kv!))).toBe(false);

    const known = async (init: Comparison["init"]) =>
      (await compared(comparison({ methods: ["kv"], resume: true, reparam, ...(init && { init }) }))).told;
    expect(await known({ kind: "labels" })).toEqual([{ name: "kv", known: true }]);
    expect(await known(undefined)).toEqual([{ name: "kv", known: false }]);

    // Another prompt is a start for its own method alone.
    const init = { kind: "prompt", prompt: await readPromptFile(plain.files.lora!) } as const;
    const on = await compared(comparison({ methods: ["kv", "lora"], init }));
    expect(of(on.methods, "lora")).toMatchObject({ init: "prompt" });
    expect(of(on.methods, "kv")).not.toHaveProperty("init");
  });

  it.each([
    ["a start that none of them knows", { init: { kind: "labels" } }, "bad_init"],
    ["factors that none of them knows", { reparam: { kind: "mlp", width: 4 } }, "bad_reparam"],
  ] as const)("refuses %s before anything is measured", async (_, more, code) => {
    const asked = comparison({ methods: ["zero-shot", "linear-probe", "lora"], ...more });
    await expect(compared(asked)).rejects.toMatchObject({ code, kind: "usage" });
    expect(await readdir(place.folder)).toEqual([]);
  });

  it("refuses a prompt of another backbone before anything is measured", async () => {
    await runTuneJob(toyJob(place.tiny, place.folder, { publishAsked: true }));
    const init = {
      kind: "prompt",
      prompt: await readPromptFile(`${place.folder}/prompt.safetensors`),
    } as const;
    await using other = await openTiny({ precision: "int8" });
    const { backbone } = other;
    const { identity } = backbone.manifest;
    const strange = {
      ...backbone,
      manifest: { ...backbone.manifest, identity: { ...identity, weightsSha256: "0".repeat(64) } },
    };
    const told: string[] = [];
    const failed = runComparison(comparison({ backbone: strange, init, methods: ["zero-shot", "kv"] }), {
      onMethod: ({ name }) => told.push(name),
    });
    await expect(failed).rejects.toMatchObject({ code: "backbone_mismatch" });
    expect(told).toEqual([]);
  });
});
