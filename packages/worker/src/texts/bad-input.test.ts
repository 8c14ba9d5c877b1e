import type { TextTask } from "@kilotune/dataset";
import { createPredictor } from "@kilotune/serving";
import { readPromptFile } from "@kilotune/prompt/node";
import { expect, it } from "vitest";
import { runTuneJob } from "../run-tune-job.ts";
import { lines, tinyPlace, toyJob, toyRows } from "../testing.ts";

/** What no tidy data set has, and files of users do: each is read, learnt from, told of and answered. */

const place = tinyPlace();

const STRANGE = [
  "أين بطاقتي؟ שלום",
  "👩🏽‍🚀 card 👍🏽",
  "\u0007\u001b[31mcard\u202e bank\u0000",
  "e\u0301\u0301\u0301 ﷺ card",
];
/** 100,000 characters, as long as a text may be. */
const LONG = "card ".repeat(20_000);

type Toy = { readonly text: string; readonly label: string };
const ROWS: Readonly<Record<TextTask, (row: Toy, at: number) => object>> = {
  classification: (row) => row,
  multi_label: ({ text, label }, at) => ({ text, labels: at % 4 === 3 ? [] : [label] }),
  regression: ({ text }, at) => ({ text, value: at / 2 }),
  tagging({ text, label }) {
    const tokens = text.split(/\s+/).filter((token) => /[\p{L}\p{N}\p{S}]/u.test(token));
    return { tokens, tags: tokens.map((token) => (token.startsWith("card") ? `B-${label}` : "O")) };
  },
  retrieval: ({ text, label }, at) => ({ query: text, positive: `${label} ${at % 5}` }),
};

/** The rows with one of a label of its own, and the strange ones. */
function file(name: string, task: TextTask, seed: number, own: string, more: readonly string[] = []) {
  const strange = [...STRANGE, ...more].map((text) => ({ text, label: "card" }));
  const rows = [...toyRows(8, seed), { text: `card money ${own}`, label: own }, ...strange];
  return lines(
    name,
    rows.map((row, at) => JSON.stringify(ROWS[task](row, at))),
  );
}

it.each(Object.keys(ROWS) as TextTask[])(
  "%s: long, strange and lonely rows are learnt from, told of and answered (known faults 69, 72 and 76)",
  async (task) => {
    const { tiny, folder } = place;
    const { tokens: _, ...toy } = toyJob(tiny, folder, { task, method: "kv", epochs: 1 });
    const job = {
      ...toy,
      train: file("train.jsonl", task, 1, "single", [LONG]),
      validation: file("validation.jsonl", task, 2, "stranger"),
      test: file("test.jsonl", task, 3, "single"),
    };
    const told = new Map<string, string[]>();
    const { report } = await runTuneJob(job, {
      onEvent(event) {
        if (event.kind !== "lint") return;
        expect(event.report.errors).toEqual([]);
        told.set(
          event.file,
          event.report.warnings.map(({ code }) => code),
        );
      },
    });
    expect(told.get("train.jsonl")).toContain("rows_truncated");
    if (task !== "tagging") expect(told.get("train.jsonl")).toContain("nul_character");
    if (task === "classification" || task === "multi_label" || task === "tagging") {
      expect(told.get("train.jsonl")).toContain("class_single_row");
      expect(told.get("validation.jsonl")).toContain("label_only_in_validation");
      const labels = report.data.labels.map(({ name }) => name).join(" ");
      expect(labels).toContain("single");
      expect(labels).not.toContain("stranger");
    }
    const stored = await readPromptFile(job.out);
    const predictor = await createPredictor({ backbone: tiny.backbone, loadPrompt: async () => stored });
    const asked = [...STRANGE, LONG, "", " \n"].map((text) => ({ text, prompt: "" }));
    const answers = await {
      classification: () => predictor.classify(asked),
      multi_label: () => predictor.classify(asked),
      regression: () => predictor.estimate(asked),
      tagging: () => predictor.tag(asked),
      retrieval: () =>
        predictor.embed(
          asked.map(({ text }) => text),
          { prompt: "" },
        ),
    }[task]();
    await predictor.close();
    expect(JSON.stringify(answers)).not.toContain("null");
    expect(answers.map(({ truncated }) => truncated)).toEqual(asked.map(({ text }) => text.length > 1000));
  },
);

it("pairs of which a row has no second text end the job with its line", async () => {
  const { tiny, folder } = place;
  const rows = toyRows(8, 1).map((row, at) => JSON.stringify(at === 3 ? row : { ...row, text_pair: "now" }));
  const job = { ...toyJob(tiny, folder), train: lines("train.jsonl", rows) };
  await expect(runTuneJob(job)).rejects.toMatchObject({
    code: "invalid_training_file",
    message: expect.stringContaining('line 4: expected a "text_pair", seen none'),
  });
});
