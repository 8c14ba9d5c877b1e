import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { bestCompared, type ComparedMethod, mainFigure } from "@kilotune/contract";
import { readPromptFile } from "@kilotune/prompt/node";
import { expect, it } from "vitest";
import { evaluatePrompt } from "../evaluate.ts";
import type { JobEvent } from "../job.ts";
import { reproducePrompt } from "../reproduce.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { jsonl, openTiny, tinyPlace, toyJob, toyRows } from "../testing.ts";
import { COMPARED, type CompareHooks, type Comparison, runComparison } from "./compare.ts";

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

  expect(Object.keys(files)).toEqual(["linear-probe", "soft", "kv", "lora", "bias"]);
  for (const [name, file] of Object.entries(files)) {
    const stored = await readPromptFile(file);
    const method = of(methods, name);
    expect(stored.sizeBytes).toBe(method.sizeBytes);
    expect(method.switchSeconds).toBeGreaterThanOrEqual(0);
    // Whatever held-out rows say of a prompt: it is itself that is measured, and its file.
    expect(stored.prompt.method).toBe(name === "linear-probe" ? "head" : name);
    const { backbone, test } = comparison();
    const { evaluation } = await evaluatePrompt({ backbone, stored, test });
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
