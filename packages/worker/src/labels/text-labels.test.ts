import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { describe, expect, it } from "vitest";
import { runTuneJob } from "../run-tune-job.ts";
import { lines, tinyPlace, toyJob, toyRows } from "../testing.ts";

/** None, one or two topics a text. */
function labelled(name: string, perClass: number, seed: number, pairs = false) {
  const rows = toyRows(perClass, seed);
  const plain = { text: "my the is please", labels: [] as string[] };
  return lines(
    name,
    rows.map(({ text, label }, at) => {
      const other = rows[(at * 7 + 3) % rows.length]!;
      if (at % 6 === 0)
        return JSON.stringify({ ...plain, text: `${plain.text} ${at}`, ...(pairs && { text_pair: "it" }) });
      if (pairs)
        return JSON.stringify({ text, text_pair: other.text, labels: [...new Set([label, other.label])] });
      if (at % 2 === 0) return JSON.stringify({ text, labels: [label] });
      return JSON.stringify({ text: `${text} ${other.text}`, labels: [...new Set([label, other.label])] });
    }),
  );
}

const place = tinyPlace();

function filesOf(pairs: boolean) {
  return {
    train: labelled("train.jsonl", 12, 1, pairs),
    validation: labelled("validation.jsonl", 6, 2, pairs),
    test: labelled("test.jsonl", 6, 3, pairs),
  };
}

describe("several labels a text", () => {
  it.each([
    ["kv", false],
    ["soft", true],
    ["lora", false],
    ["head", false],
  ] as const)(
    "a job by %s, pairs: %s: from rows to a file that serves as it was measured",
    async (method, pairs) => {
      const { tiny, folder } = place;
      const { tokens: _, ...job } = {
        ...toyJob(tiny, folder, { method }),
        ...filesOf(pairs),
        task: "multi_label" as const,
      };
      const { report } = await runTuneJob(job);
      expect(report.task).toBe("multi_label");
      expect(report.data.labels.map(({ name }) => name)).toEqual(["card", "parcel", "refund"]);
      const stored = await readPromptFile(job.out);
      const { manifest } = stored.prompt;
      expect(manifest).toMatchObject({ task: "multi_label", ...(pairs && { input: "text_pair" }) });
      const published = report.candidates.find((candidate) => candidate.published)!;
      expect(manifest.metrics.test).toEqual(published.test);
      expect(report.candidates.map(({ name }) => name)).toEqual(["majority", "linearProbe", method]);

      // The report's table is what serving answers, row by row.
      const rows = new TextDecoder()
        .decode(job.test.open() as Uint8Array)
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { text: string; text_pair?: string; labels: string[] });
      const predictor = await createPredictor({ backbone: tiny.backbone, loadPrompt: readPromptFile });
      const answers = await predictor.classify(
        rows.map(({ text, text_pair: textPair }) => ({
          text,
          prompt: job.out,
          ...(textPair && { textPair }),
        })),
      );
      await predictor.close();
      const right = answers.filter(({ labels = [] }, row) => {
        const given = labels.map(({ label }) => label).sort();
        return JSON.stringify(given) === JSON.stringify([...rows[row]!.labels].sort());
      });
      const figures = (published.test as { figures: Record<string, number> }).figures;
      expect(right.length / rows.length).toBeCloseTo(figures.exactMatch!, 9);
    },
  );

  it("is learnt from few rows without a validation file, the same bytes each time", async () => {
    const { tiny, folder } = place;
    const { validation: _, ...job } = {
      ...toyJob(tiny, folder),
      ...filesOf(false),
      task: "multi_label" as const,
    };
    const first = await runTuneJob(job);
    expect(first.report.data.heldOut.rows).toBeGreaterThan(20);
    expect((await runTuneJob(job)).stored.id).toBe(first.stored.id);
  });

  it("labels that no training row has count as missed, and are told", async () => {
    const { tiny, folder } = place;
    const files = filesOf(false);
    const row = JSON.stringify({ text: "pin of the door", labels: ["card", "unheard"] });
    const test = lines("test.jsonl", [row]);
    const { report } = await runTuneJob({ ...toyJob(tiny, folder), ...files, test, task: "multi_label" });
    expect(report.notes.join(" ")).toContain("Labels of test.jsonl that no training row has: 1");
    const published = report.candidates.find((candidate) => candidate.published)!;
    expect((published.test as { figures: Record<string, number> }).figures.recall).toBeLessThan(1);
  });
});
