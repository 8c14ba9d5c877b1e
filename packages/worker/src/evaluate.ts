import type { Backbone } from "@kilotune/backbone";
import { type ReportFindings, type Score, KilotuneError } from "@kilotune/contract";
import { assertCompatible, expectUse, isFor, type StoredPrompt } from "@kilotune/prompt";
import { reached, sigmoids } from "@kilotune/tuner";
import { backboneIdentity } from "./backbone-identity.ts";
import { answerTexts } from "./classes/answer.ts";
import { type Assessment, assess, outcomesOfLogits, scoreClasses } from "./classes/outcome.ts";
import { readRows } from "./classes/read-data.ts";
import type { DataSource, JobEvent } from "./job.ts";
import { labelFindings, outcomesOf, scoreOutcomes } from "./labels/outcome.ts";
import { targetsOf } from "./labels/text-labels.ts";
import { readTextRows, shownRow } from "./texts/read-texts.ts";

interface Evaluated {
  readonly backbone: Backbone;
  readonly stored: StoredPrompt;
  readonly test: DataSource;
  readonly onEvent?: (event: JobEvent) => void;
}

export interface TextEvaluation {
  readonly score: Score;
  readonly findings: ReportFindings;
  /** Labels of the file that the prompt doesn't know, and their rows. */
  readonly unknownLabels: ReadonlyMap<string, number>;
}

/** How well a prompt of any task of texts does on a labelled file: `kilotune evaluate`. @throws KilotuneError `wrong_task` */
export async function evaluateTextPrompt(options: Evaluated): Promise<TextEvaluation> {
  const { prompt } = options.stored;
  if (isFor(prompt, "textClassification")) {
    const { unknownLabels, score, ...findings } = await evaluatePrompt(options);
    return { score, findings, unknownLabels };
  }
  if (isFor(prompt, "textMultiLabel")) return evaluateLabels(options);
  throw new KilotuneError(
    "wrong_task",
    `expected a prompt for labels of texts, but saw one for ${prompt.manifest.task}`,
    "Its figures are in its file: `kilotune inspect` shows them.",
    { kind: "usage" },
  );
}

/** Of a prompt that gives one label. */
export async function evaluatePrompt(
  options: Evaluated,
): Promise<Assessment & Pick<TextEvaluation, "unknownLabels"> & { readonly score: Score }> {
  const { backbone, test, onEvent: emit = () => {} } = options;
  const { prompt } = expectUse(options.stored, "textClassification");
  const { labels, calibration, input } = prompt.manifest;
  assertCompatible(prompt.manifest, backboneIdentity(backbone));
  const { rows } = await readRows(test, (text) => backbone.tokenizer.encode(text), emit, "answering", {
    pairs: input === "text_pair",
  });
  const known = new Set(labels);
  const classOf = new Map(labels.map((label, at) => [label, at]));

  const texts = rows.map(shownRow);
  const expected = Int32Array.from(rows, (row) => classOf.get(row.label) ?? -1);
  const logits = await answerTexts(backbone, prompt, rows, (share) =>
    emit({ kind: "progress", stage: "evaluate", share }),
  );
  const outcomes = outcomesOfLogits({ texts, labels: expected }, logits, labels.length);
  return {
    ...assess(outcomes, labels, calibration.temperature),
    score: scoreClasses(outcomes, labels.length),
    unknownLabels: counted(rows.map(({ label }) => label).filter((label) => !known.has(label))),
  };
}

/** Of a prompt that gives several. */
async function evaluateLabels(options: Evaluated): Promise<TextEvaluation> {
  const { backbone, test, onEvent: emit = () => {} } = options;
  const { prompt } = expectUse(options.stored, "textMultiLabel");
  const { labels, calibration, input } = prompt.manifest;
  assertCompatible(prompt.manifest, backboneIdentity(backbone));
  const { rows } = await readTextRows(test, { task: "multi_label", pairs: input === "text_pair" }, emit);
  const logits = await answerTexts(backbone, prompt, rows, (share) =>
    emit({ kind: "progress", stage: "evaluate", share }),
  );
  const sets = rows.map((row) => row.labels);
  const asked = { texts: rows.map(shownRow), ...targetsOf(sets, labels) };
  const { temperature, thresholds } = calibration;
  const answered = reached(sigmoids(logits, temperature), thresholds);
  const outcomes = outcomesOf(asked, labels.length, { logits, answered });
  const known = new Set(labels);
  return {
    score: scoreOutcomes(outcomes),
    findings: { task: "multi_label", evaluation: labelFindings(outcomes, labels, thresholds) },
    unknownLabels: counted(sets.flat().filter((label) => !known.has(label))),
  };
}

function counted(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
