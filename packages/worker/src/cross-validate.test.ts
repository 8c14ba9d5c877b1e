import { readFile } from "node:fs/promises";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { mainFigure, type Score } from "@kilotune/contract";
import { groupedFolds, similarTexts } from "@kilotune/dataset";
import { describe, expect, it } from "vitest";
import type { JobHooks, TextJob } from "./job.ts";
import type { ImageRows } from "./images/image-source.ts";
import { toyImageRows } from "./images/testing.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { runSweep } from "./sweep.ts";
import { jsonl, lines, type Row, tinyPlace, toyJob, toyRows, withoutValidation } from "./testing.ts";

const place = tinyPlace();

// Two rows are said twice, and two nearly so.
const [first, second, ...others] = toyRows(6, 1) as [Row, Row, ...Row[]];
const ROWS = [
  first,
  { ...first, text: first.text.toUpperCase() },
  second,
  second,
  ...others,
  { text: "do you know why my card was stolen at the bank today", label: "card" },
  { text: "do you know why my card was stolen at the bank today?!", label: "card" },
];

const job = (more: Partial<TextJob> = {}) =>
  toyJob(place.tiny, place.folder, { train: jsonl("train.jsonl", ROWS), ...more });

describe("cross-validation", () => {
  it("says of each fold what a job on the other rows reaches there, and the prompt stays the same", async () => {
    const seed = 3;
    const plain = await runTuneJob(job({ seed }));
    const bytes = await readFile(job().out);
    const { report } = await runTuneJob(job({ seed, folds: 3 }));
    expect(await readFile(job().out)).toEqual(bytes);
    expect({ ...report, crossValidation: undefined, timings: [], createdAt: "" }).toEqual({
      ...plain.report,
      crossValidation: undefined,
      timings: [],
      createdAt: "",
    });

    const crossed = report.crossValidation!;
    expect(crossed).toMatchObject({ alwaysLearnt: 0, grouped: 6 });
    const together = similarTexts(ROWS.map(({ text }) => text));
    const folds = groupedFolds(
      ROWS.map(({ label }) => label),
      together,
      3,
      seed,
    );
    const published = crossed.candidates.at(-1)!;
    expect(published.name).toBe("published");
    for (let fold = 0; fold < 3; fold++) {
      const { report: alone } = await runTuneJob(
        job({
          seed,
          train: jsonl(
            "train.jsonl",
            ROWS.filter((_, row) => folds[row] !== fold),
          ),
          test: jsonl(
            "test.jsonl",
            ROWS.filter((_, row) => folds[row] === fold),
          ),
        }),
      );
      const winner = alone.candidates.find((candidate) => candidate.published)!;
      expect(published.scores[fold]).toEqual(winner.test);
      expect(crossed.folds[fold]).toEqual({ rows: winner.test?.rows, published: winner.name });
      for (const { name, scores } of crossed.candidates)
        if (alone.candidates.some((candidate) => candidate.name === name && candidate.test !== null))
          expect([name, scores[fold]]).toEqual([
            name,
            alone.candidates.find((candidate) => candidate.name === name)!.test,
          ]);
    }
    const values = published.scores.map((score) => mainFigure(score as Score).value);
    const mean = (values[0]! + values[1]! + values[2]!) / 3;
    expect(published.mean).toBeCloseTo(mean, 12);
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    expect(published.deviation).toBeCloseTo(Math.sqrt(squares / 2), 12);
  });

  it("goes on fold by fold where it was stopped, to the same figures", async () => {
    const wanted = job({ folds: 3 });
    const whole = await runTuneJob(wanted);
    const stop = new AbortController();
    let folds = 0;
    const onEvent: JobHooks["onEvent"] = (event) => {
      if (event.kind === "stage" && event.stage === "cross-validation") folds++;
      if (event.kind === "training" && folds === 3) stop.abort();
    };
    await expect(runTuneJob(wanted, { onEvent, signal: stop.signal })).rejects.toMatchObject({
      code: "interrupted",
    });
    const learnt: string[] = [];
    let stage = "";
    const again = await runTuneJob(
      { ...wanted, resume: true },
      {
        onEvent(event) {
          if (event.kind === "stage") stage = event.words;
          if (event.kind === "training") learnt.push(stage);
        },
      },
    );
    expect(new Set(learnt)).toEqual(new Set(["cross-validation, fold 3 of 3"]));
    expect(again.report.crossValidation).toEqual(whole.report.crossValidation);
    expect(again.stored.id).toBe(whole.stored.id);
  });

  it("without a validation file chooses in each fold by rows of that fold's own", async () => {
    const { report } = await runTuneJob(withoutValidation(job({ folds: 2, epochs: 1 })));
    expect(report.crossValidation?.folds.map(({ rows }) => rows).reduce((a, b) => a + b)).toBe(ROWS.length);
    const asked = report.crossValidation?.candidates.find(({ name }) => name === "kv");
    // Learnt in every fold, whether or not it is what the fold publishes.
    expect(asked?.scores).not.toContain(null);
  });

  it("is refused before anything is learnt where rows don't suffice", async () => {
    const rows = [first, first, first, ...others.filter(({ label }) => label !== first.label).slice(0, 2)];
    const events: string[] = [];
    const failed = runTuneJob(job({ train: jsonl("train.jsonl", rows), folds: 5 }), {
      onEvent: (event) => event.kind === "training" && events.push(event.kind),
    });
    await expect(failed).rejects.toMatchObject({ code: "too_few_groups", kind: "input" });
    expect(events).toEqual([]);
  });

  it.each([
    ["regression", ({ text }: Row, at: number) => ({ text: `${text} ${at}`, value: text.length })],
    ["retrieval", ({ text, label }: Row, at: number) => ({ query: text, positive: `${label} ${at}` })],
    [
      "tagging",
      ({ text }: Row) => {
        const tokens = text.split(" ");
        return { tokens, tags: tokens.map((word) => (word.length > 4 ? "B-long" : "O")) };
      },
    ],
  ] as const)("of %s", async (task, make) => {
    const file = (name: string, rows: readonly Row[]) =>
      lines(
        name,
        rows.map((row, at) => JSON.stringify(make(row, at))),
      );
    const { test: _, ...wanted } = job({
      task,
      train: file("train.jsonl", toyRows(8, 1)),
      validation: file("validation.jsonl", toyRows(7, 2)),
      folds: 2,
      epochs: 1,
    });
    const { report } = await runTuneJob(wanted);
    for (const { mean } of report.crossValidation?.candidates ?? []) expect(mean).not.toBeNaN();
    expect(report.crossValidation?.candidates.map(({ name }) => name).slice(-2)).toEqual(["kv", "published"]);
  });

  it("never parts a patient's images", async () => {
    await using tiny = await tinyVisionBackbone();
    // Three patients of two images of each label: three folds are all that there can be.
    const train = ofPatients(toyImageRows("train.jsonl", "classification", 18, 1), 3);
    const wanted = (folds: number) =>
      runTuneJob({
        input: "image",
        task: "classification",
        backbone: tiny.backbone,
        train,
        validation: toyImageRows("validation.jsonl", "classification", 9, 2),
        method: "kv",
        tokens: 2,
        epochs: 1,
        seed: 1,
        folds,
        out: `${place.folder}/prompt.safetensors`,
        checkpoints: `${place.folder}/checkpoints`,
        resume: false,
      });
    await expect(wanted(4)).rejects.toMatchObject({ code: "too_few_groups" });
    const { crossValidation } = (await wanted(3)).report;
    expect(crossValidation).toMatchObject({ grouped: 18, folds: [{ rows: 6 }, { rows: 6 }, { rows: 6 }] });
  });
});

it("a sweep's candidates are measured on the folds, and its last job isn't cross-validated", async () => {
  const calm = { promptLearningRate: 1e-2, headLearningRate: 1e-2 };
  const candidates = [calm, { ...calm, tokens: 4 }];
  const { report } = await runSweep({ job: job({ epochs: 1, folds: 4 }), candidates, halving: false });
  expect(report.crossValidation).toBeUndefined();
  // Scores are shares of all rows, each of which was held out once.
  for (const { score } of report.sweep ?? [])
    expect(score * ROWS.length).toBeCloseTo(Math.round(score * ROWS.length), 9);
  expect(report.sweep).toHaveLength(2);
});

function ofPatients(rows: ImageRows, patients: number): ImageRows {
  return {
    ...rows,
    async open(task) {
      const opened = await rows.open(task);
      const readings = [];
      for await (const reading of opened.readings) {
        if (reading.kind !== "row") readings.push(reading);
        else {
          const patient = `p${Math.floor((reading.row.line - 1) / 3) % patients}`;
          readings.push({ ...reading, row: { ...reading.row, patient } });
        }
      }
      return { ...opened, readings };
    },
  };
}
