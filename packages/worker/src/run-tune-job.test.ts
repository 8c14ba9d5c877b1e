import { access, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { readPromptFile } from "@kilotune/prompt/node";
import { describe, expect, it } from "vitest";
import { answerTwice } from "./process/answer-twice.ts";
import { evaluatePrompt } from "./evaluate.ts";
import type { JobEvent, TextJob } from "./job.ts";
import {
  jsonl,
  lines,
  openTiny,
  tinyPlace,
  type Row,
  toyJob,
  toyRows,
  tuneClasses,
  withoutValidation,
} from "./testing.ts";

const place = tinyPlace();

const job = (more: Partial<TextJob> = {}) => toyJob(place.tiny, place.folder, more);
const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

describe("a job", () => {
  it("publishes a file that loads, and removes its checkpoints", async () => {
    const events: JobEvent[] = [];
    const result = await tuneClasses(job(), { onEvent: (event) => events.push(event) });
    const file = await readPromptFile(job().out);
    expect(file).toEqual(result.stored);
    expect(file.sizeBytes).toBe((await readFile(job().out)).length);
    expect(file.prompt.manifest.labels).toEqual(["card", "parcel", "refund"]);
    expect(await readdir(place.folder)).toEqual(["prompt.safetensors"]);
    expect(events.flatMap((event) => (event.kind === "stage" ? [event.stage] : []))).toEqual([
      "read",
      "prepare",
      "baselines",
      "tune",
      "publish",
      "evaluate",
    ]);
    const training = events.filter((event) => event.kind === "training");
    expect(training.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(training.at(-1)?.share).toBe(1);
  });

  it("in 8 bits says so in the file and the report, and its file answers in both precisions", async () => {
    await using rounded = await openTiny({ precision: "int8" });
    const { report } = await tuneClasses(job({ backbone: rounded.backbone }));
    const stored = await readPromptFile(job().out);
    expect(stored.prompt.manifest.precision).toBe("int8");
    expect(report.settings.precision).toBe("int8");
    const test = job().test!;
    const own = await evaluatePrompt({ backbone: rounded.backbone, stored, test });
    expect(own.evaluation).toEqual(report.evaluation);
    const other = await evaluatePrompt({ backbone: place.tiny.backbone, stored, test });
    expect(other.evaluation.rows).toBe(own.evaluation.rows);
    const plain = await tuneClasses(job());
    expect(plain.stored.prompt.manifest).not.toHaveProperty("precision");
    expect(plain.report.settings).not.toHaveProperty("precision");
  });

  it("reports what an independent evaluation of the file as written finds", async () => {
    const { report } = await tuneClasses(job());
    const stored = await readPromptFile(job().out);
    const alone = await evaluatePrompt({ backbone: place.tiny.backbone, stored, test: job().test! });
    expect(alone.evaluation).toEqual(report.evaluation);
    expect(alone.calibration).toEqual(report.calibration);
    const published = report.candidates.filter((candidate) => candidate.published);
    expect(published).toHaveLength(1);
    const { rows, accuracy, macroF1 } = alone.evaluation;
    expect(published[0]?.test).toMatchObject({ rows, accuracy, macroF1 });
    expect(stored.prompt.manifest.metrics.test).toEqual(published[0]?.test);
    expect(stored.prompt.manifest.metrics.heldOut).toEqual(published[0]?.heldOut);
    expect(published[0]?.sizeBytes).toBe(stored.sizeBytes);
  });

  it("has the same bytes for the same seed, others for another", async () => {
    const bytes = async (seed: number, out: string) => {
      await tuneClasses(job({ seed, out: path.join(place.folder, out) }));
      return readFile(path.join(place.folder, out));
    };
    const first = await bytes(1, "first");
    expect((await bytes(1, "again")).equals(first)).toBe(true);
    expect((await bytes(2, "other")).equals(first)).toBe(false);
  });

  it("numbers labels by name: the order of the rows changes none of them (known faults 10 and 11)", async () => {
    const labels = Array.from({ length: 12 }, (_, at) => `label ${(at * 7) % 12}`);
    const rows = labels.flatMap((label, at) => toyRows(1, at).map((row) => ({ ...row, label })));
    const { stored } = await tuneClasses(job({ method: "head", train: jsonl("train.jsonl", rows) }));
    expect(stored.prompt.manifest.labels).toEqual([...labels].sort());
    const shuffled = [...rows].reverse();
    const again = await tuneClasses(job({ method: "head", train: jsonl("train.jsonl", shuffled) }));
    expect(again.stored.prompt.manifest.labels).toEqual(stored.prompt.manifest.labels);
  });

  it("answers a test file of one class, which nobody could learn from", async () => {
    const { stored } = await tuneClasses(job());
    const rows = toyRows(5, 3);
    const one = rows.filter(({ label }) => label === rows[0]!.label);
    const test = jsonl("test.jsonl", one);
    const { evaluation } = await evaluatePrompt({ backbone: place.tiny.backbone, stored, test });
    expect(evaluation.rows).toBe(one.length);
    await expect(tuneClasses(job({ train: jsonl("train.jsonl", one) }))).rejects.toMatchObject({
      code: "invalid_training_file",
    });
  });

  it("is answered the same however the test rows are sorted (known fault 11)", async () => {
    const { stored } = await tuneClasses(job());
    const rows = toyRows(5, 3);
    const evaluate = async (test: readonly Row[]) =>
      (await evaluatePrompt({ backbone: place.tiny.backbone, stored, test: jsonl("test.jsonl", test) }))
        .evaluation;
    const [forth, back] = [await evaluate(rows), await evaluate([...rows].reverse())];
    expect(back.confusion).toEqual(forth.confusion);
    expect(back.accuracy).toBe(forth.accuracy);
  });

  it("takes __proto__ for a name like any other", async () => {
    const rows = toyRows(6, 1).map((row) => (row.label === "card" ? { ...row, label: "__proto__" } : row));
    const { report, stored } = await tuneClasses(
      withoutValidation(job({ train: jsonl("train.jsonl", rows), test: jsonl("test.jsonl", rows) })),
    );
    expect(stored.prompt.manifest.labels).toEqual(["__proto__", "parcel", "refund"]);
    expect(report.evaluation.perClass[0]).toMatchObject({ label: "__proto__", support: 6 });
  });

  it("of another method publishes it: soft tokens", async () => {
    const { stored, report } = await tuneClasses(job({ method: "soft", epochs: 3 }));
    expect(report.candidates.map(({ name }) => name)).toContain("soft");
    expect(["soft", "head"]).toContain(stored.prompt.method);
  });

  it("of another method publishes it: low-rank products, that are served as they were measured", async () => {
    // A test file that says more than a verdict on thirty rows: the prompt's own answers.
    const wanted = job({ method: "lora", tokens: 2, epochs: 3 });
    const { stored, report } = await tuneClasses(wanted);
    expect(report.candidates.map(({ name }) => name)).toContain("lora");
    expect(["lora", "head"]).toContain(stored.prompt.method);
    if (stored.prompt.method === "lora") expect(stored.prompt.manifest.sites).toMatchObject({ rank: 2 });
    const twice = await answerTwice(
      place.tiny.backbone,
      wanted.out,
      jsonl("rows.jsonl", toyRows(6, 4)),
      100,
      {
        onEvent: () => {},
        signal: new AbortController().signal,
      },
    );
    expect(twice).toMatchObject({ rows: 18, disagreeing: 0 });
  });

  it("of the method `head` learns a linear head and no prompt", async () => {
    const { stored, report, epochs } = await tuneClasses(job({ method: "head" }));
    expect(stored.prompt.method).toBe("head");
    expect(epochs).toBe(0);
    expect(report.curve).toEqual([]);
    const [published, ...more] = report.candidates.filter((candidate) => candidate.published);
    expect(more).toEqual([]);
    expect(published?.test).toMatchObject({ accuracy: report.evaluation.accuracy });
  });
});

describe("held-out rows", () => {
  it("are the validation file's where there is one: one run, on all training rows", async () => {
    const { report } = await tuneClasses(job());
    expect(report.data.heldOut).toEqual({ rows: 15, source: "validation.jsonl" });
    expect(report.data.trainRows).toBe(30);
  });

  it("are all rows in turn where there are few", async () => {
    const { report } = await tuneClasses(withoutValidation(job({ epochs: 1 })));
    expect(report.data.heldOut).toEqual({ rows: 30, source: "5-fold cross-validation of train.jsonl" });
  });

  it("are a fifth of more than 200", async () => {
    const train = jsonl("train.jsonl", toyRows(70, 1));
    const { report } = await tuneClasses(withoutValidation(job({ train, epochs: 1 })));
    expect(report.data.heldOut).toEqual({ rows: 42, source: "20 % of train.jsonl, held out" });
  });

  it("stand for the test rows where there is no test file, and the report says so", async () => {
    const { test: _, ...without } = job();
    const { report } = await tuneClasses(without);
    expect(report.data.testRows).toBe(0);
    expect(report.evaluation.rows).toBe(15);
    expect(report.notes.join("\n")).toContain("There is no test file");
  });

  it("two rows a class are enough for cross-validation", async () => {
    const train = jsonl("train.jsonl", toyRows(2, 1));
    const { report } = await tuneClasses(withoutValidation(job({ train, epochs: 1 })));
    expect(report.data.heldOut.rows).toBe(6);
  });

  it("a class with one row is learnt and never held out (known fault 76)", async () => {
    const rows = [...toyRows(4, 1), { text: "we still help you", label: "odd" }];
    const { report, stored } = await tuneClasses(
      withoutValidation(job({ train: jsonl("train.jsonl", rows), epochs: 1 })),
    );
    expect(stored.prompt.manifest.labels).toEqual(["card", "odd", "parcel", "refund"]);
    expect(report.data.heldOut.rows).toBe(12);
    expect(report.data.labels.find(({ name }) => name === "odd")?.rows).toBe(1);
  });

  it("one row a class leaves none: the job learns all the same, and claims nothing", async () => {
    const { report, stored, epochs } = await tuneClasses(withoutValidation(job({ shots: 1, epochs: 3 })));
    expect(epochs).toBe(3);
    expect(stored.prompt.method).toBe("kv");
    expect(report.data).toMatchObject({ trainRows: 3, heldOut: { rows: 0 } });
    expect(report.verdict.words).toBe("No row could be held out, so nothing tells whether the prompt pays.");
    expect(report.evaluation.rows).toBe(15);
  });

  it("a class of the validation file alone is left out, and said (known fault 76)", async () => {
    const rows = [...toyRows(5, 2), { text: "we still help you", label: "stranger" }];
    const { report } = await tuneClasses(job({ validation: jsonl("validation.jsonl", rows) }));
    expect(report.data.heldOut.rows).toBe(15);
    expect(report.notes).toContain(
      "Rows of validation.jsonl with a label that no training row has: 1; they were left out.",
    );
  });

  it("a class of the test file alone counts as wrong, and is said (known fault 76)", async () => {
    const rows = [...toyRows(5, 3), { text: "we still help you", label: "stranger" }];
    const { report } = await tuneClasses(job({ test: jsonl("test.jsonl", rows) }));
    expect(report.evaluation.rows).toBe(16);
    expect(report.evaluation.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(15);
    expect(report.evaluation.mistakes).toContainEqual(
      expect.objectContaining({ text: "we still help you", label: "(unknown label)" }),
    );
    expect(report.notes).toContain(
      "Rows of test.jsonl with a label that no training row has: 1; they count as wrong.",
    );
  });
});

describe("a prompt that doesn't pay", () => {
  it("gives way to a head, and the words say so", async () => {
    const ruined = { ...job(), backbone: ruinedByPrompts(place.tiny) };
    const { report, stored } = await tuneClasses(ruined);
    expect(stored.prompt.method).toBe("head");
    expect(report.verdict.words).toMatch(/The prompt doesn't pay here\. A .* is published instead\.$/);
    const published = report.candidates.filter((candidate) => candidate.published);
    expect(published.map(({ name }) => name)).toEqual([expect.stringMatching(/linearProbe|classMean/)]);
    expect(published[0]?.test).toMatchObject({ accuracy: report.evaluation.accuracy });
    expect(report.prompt.method).toBe("head");
  });

  it("gives way to a head where tuning diverged, and a note says that", async () => {
    const events: JobEvent[] = [];
    const { report, stored } = await tuneClasses(
      { ...job(), backbone: diverging(place.tiny) },
      { onEvent: (event) => events.push(event) },
    );
    expect(stored.prompt.method).toBe("head");
    expect(report.verdict.words).toBe(
      "Tuning diverged: its loss was no longer a number. A linear probe is published instead.",
    );
    expect(report.evaluation.accuracy).toBeGreaterThan(1 / 3);
  });
});

/** The tiny backbone, whose prompted vectors are those of a prompt that turned every text into one and the same. */
function ruinedByPrompts({ backbone }: TinyBackbone): TinyBackbone["backbone"] {
  return {
    ...backbone,
    async open(spec) {
      const session = await backbone.open(spec);
      if (spec.kind !== "upper" || spec.site.kind === "none") return session;
      return {
        ...session,
        async run(feeds) {
          const results = await session.run(feeds);
          (results.embedding!.data as Float32Array).fill(1 / Math.sqrt(32));
          return results;
        },
        release: () => session.release(),
      };
    },
  };
}

/** The tiny backbone, whose loss is NaN from the second step on. */
function diverging({ backbone }: TinyBackbone): TinyBackbone["backbone"] {
  return {
    ...backbone,
    async open(spec) {
      const session = await backbone.open(spec);
      if (spec.kind !== "tune") return session;
      let steps = 0;
      return {
        ...session,
        async run(feeds) {
          const results = await session.run(feeds);
          if (++steps > 1) (results.loss!.data as Float32Array)[0] = Number.NaN;
          return results;
        },
        release: () => session.release(),
      };
    },
  };
}

describe("what can't be done is told", () => {
  it("a file with a bad line, by its line", async () => {
    const train = lines("train.jsonl", ['{"text":"a","label":"card"}', "{", '{"text":"b","label":"refund"}']);
    await expect(tuneClasses(job({ train }))).rejects.toMatchObject({
      code: "invalid_training_file",
      kind: "input",
      message: expect.stringContaining("train.jsonl: line 2"),
    });
    expect(await readdir(place.folder)).toEqual([]);
  });

  it("a place that no file can be written to: nothing half-written stays, the checkpoint does", async () => {
    const blocked = job({ out: path.join(place.tiny.bundle, "manifest.json", "prompt.safetensors") });
    await expect(tuneClasses(blocked)).rejects.toMatchObject({ code: "not_a_folder" });
    expect(await readdir(place.folder)).toEqual(["checkpoints"]);
    expect((await readdir(place.tiny.bundle)).filter((name) => name.includes("tmp"))).toEqual([]);
    const mended = await tuneClasses(job({ resume: true }));
    expect(mended.stored.id).toBe((await readPromptFile(job().out)).id);
    expect(await exists(job().checkpoints)).toBe(false);
  });
});
