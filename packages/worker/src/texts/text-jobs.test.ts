import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { describe, expect, it } from "vitest";
import { evaluateTextPrompt } from "../evaluate.ts";
import { findable } from "../retrieval/text-retrieval.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { lines, tinyPlace, toyJob, toyRows, withoutValidation } from "../testing.ts";

const place = tinyPlace();

/** What a row of a label is worth: the label's number, and a little by the text's length. */
const WORTH: Readonly<Record<string, number>> = { card: 100, parcel: 200, refund: 300 };

const valued = (name: string, perClass: number, seed: number, pairs = false) =>
  lines(
    name,
    toyRows(perClass, seed).map(({ text, label }) => {
      const value = (WORTH[label] as number) + text.length;
      return JSON.stringify({ text, ...(pairs && { text_pair: "it is now" }), value });
    }),
  );

/** A text finds another one of its label that begins with the same word: few of a group. */
const findables = (name: string, perClass: number, seed: number) =>
  answered(name, perClass, seed, (text, label) => `${label} ${text.split(" ")[0]}`);

/** A text finds its label: all of a label are of one group. */
const grouped = (name: string, perClass: number, seed: number) =>
  answered(name, 3 * perClass, seed, (_, label) => label);

const answered = (
  name: string,
  perClass: number,
  seed: number,
  answer: (text: string, label: string) => string,
) =>
  lines(
    name,
    toyRows(perClass, seed).map(({ text, label }) =>
      JSON.stringify({ query: text, positive: answer(text, label) }),
    ),
  );

const filesOf = (of: typeof valued, pairs = false) => ({
  train: of("train.jsonl", 12, 1, pairs),
  validation: of("validation.jsonl", 6, 2, pairs),
  test: of("test.jsonl", 6, 3, pairs),
});

const figuresOf = (score: unknown) => (score as { figures: Record<string, number> }).figures;

describe("a number a text", () => {
  it.each([
    ["kv", false],
    ["soft", true],
    ["head", false],
  ] as const)("a job by %s, pairs: %s: its file answers as it was measured", async (method, pairs) => {
    const { tiny, folder } = place;
    const { tokens: _, ...job } = {
      ...toyJob(tiny, folder, { method, task: "regression" }),
      ...filesOf(valued, pairs),
    };
    const { report } = await runTuneJob(job);
    expect(report.task).toBe("regression");
    const published = report.candidates.find((candidate) => candidate.published)!;
    const stored = await readPromptFile(job.out);
    expect(stored.prompt.manifest.metrics.test).toEqual(published.test);
    const mean = report.candidates.find(({ name }) => name === "mean")!;
    expect(figuresOf(published.test).r2).toBeGreaterThan(figuresOf(mean.test).r2!);

    const { backbone } = tiny;
    const { score } = await evaluateTextPrompt({ backbone, stored, test: job.test });
    for (const [name, value] of Object.entries(figuresOf(score)))
      expect(value).toBeCloseTo(figuresOf(published.test)[name]!, 4);
    const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
    const pair = pairs ? { textPair: "it is now" } : {};
    const [answer] = await predictor.estimate([{ text: "cash pin", prompt: "", ...pair }]);
    await predictor.close();
    // The values lie between 100 and 360.
    expect(answer!.value).toBeGreaterThan(0);
    expect(answer!.value).toBeLessThan(500);
  });

  it("is held out of few rows in turn, the same bytes each time", async () => {
    const { tiny, folder } = place;
    const job = withoutValidation({
      ...toyJob(tiny, folder, { task: "regression" }),
      ...filesOf(valued),
    });
    const first = await runTuneJob(job);
    expect(first.report.data.heldOut.rows).toBe(36);
    expect((await runTuneJob(job)).stored.id).toBe(first.stored.id);
  });
});

describe("texts that find one another", () => {
  it.each([
    ["kv", "few", findables],
    ["soft", "few", findables],
    ["lora", "few", findables],
    ["bias", "few", findables],
    ["lora", "many", grouped],
    ["soft", "many", grouped],
  ] as const)("a job by %s, %s of a group: its file's vectors find as measured", async (method, _, rows) => {
    const { tiny, folder } = place;
    const job = { ...toyJob(tiny, folder, { method, task: "retrieval" }), ...filesOf(rows) };
    const { report } = await runTuneJob(job);
    expect(report.candidates.map(({ name }) => name)).toEqual(["frozen", method]);
    const published = report.candidates.find((candidate) => candidate.published)!;
    expect(published.name).toBe(method);
    const stored = await readPromptFile(job.out);
    expect(stored.prompt.manifest.metrics.test).toEqual(published.test);
    const { score } = await evaluateTextPrompt({ backbone: tiny.backbone, stored, test: job.test });
    expect(figuresOf(score).map10).toBeCloseTo(figuresOf(published.test).map10!, 4);
  });

  it("have no head alone to publish", async () => {
    const { tiny, folder } = place;
    const job = { ...toyJob(tiny, folder, { method: "head", task: "retrieval" }), ...filesOf(findables) };
    await expect(runTuneJob(job)).rejects.toMatchObject({ code: "unsupported_method" });
  });

  it("are of one group by a common query or a common answer, however far apart", () => {
    const rows = [
      { query: "a", positive: "x" },
      { query: "b", positive: "y" },
      { query: "a", positive: "y" },
      { query: "x", positive: "z" },
    ];
    const { groups } = findable(rows);
    expect(groups[0]).toBe(groups[1]);
    expect(groups[1]).toBe(groups[2]);
    expect(groups[3]).not.toBe(groups[0]);
  });
});
