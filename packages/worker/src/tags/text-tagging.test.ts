import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { expect, it } from "vitest";
import { evaluateTextPrompt } from "../evaluate.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { lines, openTiny, toyJob, toyRows } from "../testing.ts";

/** Words of a topic are spans, two in a row one of two words. */
function tagged(name: string, perClass: number, seed: number) {
  const topics = /^(?:stolen|bank|cash|pin|money|paid|price|cost|late|courier|door|box)$/;
  const rows = toyRows(perClass, seed).map(({ text, label }) => {
    const tokens = text.split(" ");
    const isTopic = (at: number) => topics.test(tokens[at] ?? "");
    const tags = tokens.map((_, at) => (isTopic(at) ? `${isTopic(at - 1) ? "I" : "B"}-${label}` : "O"));
    return { tokens, tags };
  });
  return lines(
    name,
    rows.map((row) => JSON.stringify(row)),
  );
}

it.each(["kv", "soft", "lora", "bias", "head"] as const)(
  "a tagging job by %s: from rows to a file that serves as it was measured",
  async (method) => {
    await using tiny = await openTiny();
    const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-tags-"));
    const files = {
      train: tagged("train.jsonl", 10, 1),
      validation: tagged("validation.jsonl", 5, 2),
      test: tagged("test.jsonl", 5, 3),
    };
    const job = { ...toyJob(tiny, folder, { method }), ...files, task: "tagging" as const };
    const { tokens: _, ...withoutTokens } = job;
    const { report } = await runTuneJob(method === "head" ? withoutTokens : job);
    expect(report.task).toBe("tagging");
    expect(report.data.labels.map(({ name }) => name)).toContain("B-card");
    const stored = await readPromptFile(job.out);
    expect(stored.prompt.manifest.task).toBe("tagging");
    const published = report.candidates.find((candidate) => candidate.published)!;
    expect(stored.prompt.manifest.metrics.test).toEqual(published.test);

    // `kilotune evaluate` answers as it is served; a span of a name that the prompt doesn't know is one it misses.
    const { backbone } = tiny;
    const measured = await evaluateTextPrompt({ backbone, stored, test: files.test });
    const figuresOf = (score: unknown) => (score as { figures: Record<string, number> }).figures;
    expect(figuresOf(measured.score).f1).toBeCloseTo(figuresOf(published.test).f1!, 6);
    expect(measured.unknownLabels.size).toBe(0);
    const strange = lines("strange.jsonl", [
      '{"tokens": ["cash", "card"], "tags": ["B-rumour", "I-rumour"]}',
    ]);
    const other = await evaluateTextPrompt({ backbone, stored, test: strange });
    expect(other.unknownLabels).toEqual(new Map(Object.entries({ "B-rumour": 1, "I-rumour": 1 })));
    expect(figuresOf(other.score).recall).toBe(0);

    const predictor = await createPredictor({ backbone, loadPrompt: readPromptFile });
    const text = "My card, please: STOLEN!  the door";
    const [answer] = await predictor.tag([{ text, prompt: job.out }]);
    for (const { start, end, label } of answer!.spans) {
      expect(["card", "parcel", "refund"]).toContain(label);
      expect(text.slice(start, end)).toMatch(/^\S(?:.*\S)?$/);
    }
    await predictor.close();
    await rm(folder, { recursive: true });
  },
);
