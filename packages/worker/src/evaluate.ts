import type { Backbone } from "@kilotune/backbone";
import { assertCompatible, expectUse, type StoredPrompt } from "@kilotune/prompt";
import { backboneIdentity } from "./backbone-identity.ts";
import { answerTexts } from "./classes/answer.ts";
import { type Assessment, assess, outcomesOfLogits } from "./classes/outcome.ts";
import { readRows } from "./classes/read-data.ts";
import type { DataSource, JobEvent } from "./job.ts";

/** How well a prompt does on a labelled file: `kilotune evaluate`. */
export async function evaluatePrompt(options: {
  readonly backbone: Backbone;
  readonly stored: StoredPrompt;
  readonly test: DataSource;
  readonly onEvent?: (event: JobEvent) => void;
}): Promise<Assessment & { unknownLabels: ReadonlyMap<string, number> }> {
  const { backbone, test, onEvent: emit = () => {} } = options;
  const { prompt } = expectUse(options.stored, "textClassification");
  const { labels, calibration } = prompt.manifest;
  assertCompatible(prompt.manifest, backboneIdentity(backbone));
  const { rows } = await readRows(test, (text) => backbone.tokenizer.encode(text), emit, "answering");
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const unknownLabels = new Map<string, number>();
  for (const { label } of rows)
    if (!classOf.has(label)) unknownLabels.set(label, (unknownLabels.get(label) ?? 0) + 1);

  const texts = rows.map((row) => row.text);
  const expected = Int32Array.from(rows, (row) => classOf.get(row.label) ?? -1);
  const logits = await answerTexts(backbone, prompt, texts, (share) =>
    emit({ kind: "progress", stage: "evaluate", share }),
  );
  const outcomes = outcomesOfLogits({ texts, labels: expected }, logits, labels.length);
  return { ...assess(outcomes, labels, calibration.temperature), unknownLabels };
}
