import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { expect, it } from "vitest";
import { evaluatePrompt } from "../evaluate.ts";
import { jsonl, tinyPlace, toyJob, toyRows, tuneClasses } from "../testing.ts";

const place = tinyPlace();

/** Texts of no topic, of a label of their own. */
const none = (count: number, seed: number) =>
  toyRows(count, seed)
    .slice(0, count)
    .map(({ text }, at) => ({
      text: `${"today again still help ".repeat(1 + (at % 3))}${text.length}`,
      label: "none",
    }));

it("rows of no label choose the threshold: no class learns from them, answers say so, AUROC is told", async () => {
  const { tiny, folder } = place;
  const job = {
    ...toyJob(tiny, folder, { outOfScope: { label: "none" } }),
    train: jsonl("train.jsonl", [...toyRows(10, 1), ...none(8, 4)]),
    test: jsonl("test.jsonl", [...toyRows(5, 3), ...none(6, 5)]),
  };
  const { report } = await tuneClasses(job);
  expect(report.data.labels.map(({ name }) => name)).toEqual(["card", "parcel", "refund"]);
  expect(report.evaluation.rows).toBe(15);
  const { scope } = report;
  expect(scope?.rows).toEqual({ inScope: 15, outside: 6 });
  expect(scope?.auroc).toBeGreaterThan(0.5);

  const stored = await readPromptFile(job.out);
  const calibration = stored.prompt.manifest.calibration as { outOfScope: { threshold: number } };
  expect(calibration.outOfScope.threshold).toBe(scope?.threshold);
  const predictor = await createPredictor({ backbone: tiny.backbone, loadPrompt: async () => stored });
  const answers = await predictor.classify(none(6, 5).map(({ text }) => ({ text, prompt: "" })));
  await predictor.close();
  const found = answers.filter(({ outOfScope }) => outOfScope === true).length;
  expect(found / 6).toBeCloseTo(scope?.found as number, 9);

  // A label that the prompt doesn't know, whatever it is called, is none of its labels'.
  const others = none(6, 5).map((row) => ({ ...row, label: "whatever" }));
  const test = jsonl("test.jsonl", [...toyRows(5, 3), ...others]);
  const evaluated = await evaluatePrompt({ backbone: tiny.backbone, stored, test });
  expect(evaluated.evaluation.accuracy).toBe(report.evaluation.accuracy);
  expect(evaluated.scope?.rows).toEqual({ inScope: 15, outside: 6 });
  expect([evaluated.scope?.found, evaluated.scope?.kept]).toEqual([scope?.found, scope?.kept]);
  expect(evaluated.unknownLabels).toEqual(new Map([["whatever", 6]]));
  const alone = await evaluatePrompt({ backbone: tiny.backbone, stored, test: jsonl("none.jsonl", others) });
  expect(alone.evaluation.rows).toBe(0);
  expect(alone.scope).toMatchObject({ auroc: null, kept: null, found: scope?.found });
});

it("a prompt that always gives a label is wrong on rows whose label it doesn't know", async () => {
  const { tiny, folder } = place;
  const job = { ...toyJob(tiny, folder), test: jsonl("test.jsonl", [...toyRows(5, 3), ...none(5, 5)]) };
  const { report } = await tuneClasses(job);
  expect(report.evaluation.rows).toBe(20);
  const stored = await readPromptFile(job.out);
  const evaluated = await evaluatePrompt({ backbone: tiny.backbone, stored, test: job.test });
  expect(evaluated.evaluation.accuracy).toBe(report.evaluation.accuracy);
  expect(evaluated.evaluation.accuracy).toBeLessThanOrEqual(0.75);
  expect(evaluated.scope).toBeUndefined();
  expect(evaluated.unknownLabels).toEqual(new Map([["none", 5]]));
});

it("without such rows held-out ones alone choose it: about one in twenty is turned away", async () => {
  const { tiny, folder } = place;
  const { report } = await tuneClasses(toyJob(tiny, folder, { outOfScope: {} }));
  expect(report.scope).toMatchObject({ score: "energy", auroc: null, found: null });
  expect(report.scope?.kept).toBeGreaterThan(0.5);
});

it("a label that no row has is refused, and one beside which a single other is left", async () => {
  const { tiny, folder } = place;
  const job = toyJob(tiny, folder, { outOfScope: { label: "nowhere" } });
  await expect(tuneClasses(job)).rejects.toMatchObject({ code: "no_outside_rows" });
  const two = toyRows(10, 1).filter(({ label }) => label !== "refund");
  const one = {
    ...toyJob(tiny, folder, { outOfScope: { label: "card" } }),
    train: jsonl("train.jsonl", two),
  };
  await expect(tuneClasses(one)).rejects.toMatchObject({ code: "one_class" });
});
