import type { Backbone } from "@kilotune/backbone";
import {
  KilotuneError,
  type LintIssue,
  type ReportFindings,
  type ScopeEvaluation,
  type Score,
} from "@kilotune/contract";
import { assertCompatible, expectUse, isFor, type StoredPrompt } from "@kilotune/prompt";
import { createPredictor, type Predictor } from "@kilotune/serving";
import { normalizeRows, reached, sigmoids } from "@kilotune/tuner";
import { backboneIdentity } from "./backbone-identity.ts";
import { answerTexts } from "./classes/answer.ts";
import { type Assessment, assess, outcomesOfLogits, scoreClasses } from "./classes/outcome.ts";
import { outsideOf, readRows } from "./classes/read-data.ts";
import { assessScope } from "./classes/scope.ts";
import type { DataSource, JobEvent } from "./job.ts";
import { labelFindings, outcomesOf, scoreOutcomes } from "./labels/outcome.ts";
import { targetsOf } from "./labels/targets.ts";
import { outcomesOfVectors, rankFindings, scoreRanks } from "./retrieval/outcome.ts";
import { findable } from "./retrieval/text-retrieval.ts";
import { numberFindings, scoreNumbers } from "./values/outcome.ts";
import { servedOutcomes } from "./tags/answer.ts";
import { spanFindings, spanScore } from "./tags/outcome.ts";
import { valuesOf } from "./values/text-values.ts";
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
  if (isFor(prompt, "textRegression")) return evaluateValues(options);
  if (isFor(prompt, "textRetrieval")) return evaluateRanks(options);
  if (isFor(prompt, "textTagging")) return evaluateSpans(options);
  throw new KilotuneError(
    "wrong_task",
    `expected a prompt for texts, but saw one for ${prompt.manifest.task}`,
    "Its figures are in its file: `kilotune inspect` shows them.",
    { kind: "usage" },
  );
}

export interface EvaluatedClasses extends Assessment, Pick<TextEvaluation, "score" | "unknownLabels"> {
  /** Of a prompt that says what is none of its labels': rows of labels it doesn't know are, and count for nothing else. */
  readonly scope?: ScopeEvaluation;
}

/** Of a prompt that gives one label. */
export async function evaluatePrompt(options: Evaluated): Promise<EvaluatedClasses> {
  const { backbone, test, onEvent: emit = () => {} } = options;
  const { prompt } = expectUse(options.stored, "textClassification");
  const { labels, calibration, input } = prompt.manifest;
  assertCompatible(prompt.manifest, backboneIdentity(backbone));
  const { rows } = await readRows(test, (text) => backbone.tokenizer.encode(text), emit, "answering", {
    pairs: input === "text_pair",
  });
  const known = new Set(labels);
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const { outOfScope, temperature } = calibration;
  const isOutside = outsideOf(labels, outOfScope !== undefined);
  const own = rows.filter(({ label }) => !isOutside(label));
  const away = rows.filter(({ label }) => isOutside(label));

  const texts = own.map(shownRow);
  const expected = Int32Array.from(own, (row) => classOf.get(row.label) ?? -1);
  const logits = await answerTexts(backbone, prompt, [...own, ...away], (share) =>
    emit({ kind: "progress", stage: "evaluate", share }),
  );
  const outside = logits.subarray(own.length * labels.length);
  const outcomes = outcomesOfLogits({ texts, labels: expected }, logits, labels.length);
  return {
    ...assess(outcomes, labels, temperature),
    ...(outOfScope && { scope: assessScope({ temperature, outOfScope }, outcomes, outside, labels.length) }),
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

/** Of a prompt that gives a number. */
async function evaluateValues(options: Evaluated): Promise<TextEvaluation> {
  const { backbone, test, onEvent: emit = () => {} } = options;
  const { prompt } = expectUse(options.stored, "textRegression");
  const { calibration, input } = prompt.manifest;
  assertCompatible(prompt.manifest, backboneIdentity(backbone));
  const { rows } = await readTextRows(
    test,
    { task: "regression", pairs: input === "text_pair" },
    emit,
    isOneValue,
  );
  const outputs = await answerTexts(backbone, prompt, rows, (share) =>
    emit({ kind: "progress", stage: "evaluate", share }),
  );
  const answers = valuesOf(calibration, outputs);
  const outcomes = rows.map((row, at) => ({
    row: shownRow(row),
    expected: row.value,
    answered: answers[at] as number,
  }));
  return {
    score: scoreNumbers(outcomes),
    findings: { task: "regression", evaluation: numberFindings(outcomes) },
    unknownLabels: new Map(),
  };
}

/** Of a prompt for retrieval, as it is served. */
async function evaluateRanks(options: Evaluated): Promise<TextEvaluation> {
  const { backbone, stored, test, onEvent: emit = () => {} } = options;
  assertCompatible(stored.prompt.manifest, backboneIdentity(backbone));
  const { rows } = await readTextRows(test, { task: "retrieval" }, emit);
  const file = findable(rows);
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  try {
    const texts = [...file.queries, ...file.positives];
    const outcomes = outcomesOfVectors(file, await servedVectors(predictor, texts, stored.id));
    return {
      score: scoreRanks(outcomes),
      findings: { task: "retrieval", evaluation: rankFindings(outcomes) },
      unknownLabels: new Map(),
    };
  } finally {
    await predictor.close();
  }
}

/** Of a prompt for named spans, as it is served. */
async function evaluateSpans(options: Evaluated): Promise<TextEvaluation> {
  const { backbone, stored, test, onEvent: emit = () => {} } = options;
  const { manifest } = expectUse(stored, "textTagging").prompt;
  assertCompatible(manifest, backboneIdentity(backbone));
  const { rows } = await readTextRows(test, { task: "tagging" }, emit);
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  try {
    const outcomes = await servedOutcomes(predictor, rows, stored.id, (share) =>
      emit({ kind: "progress", stage: "evaluate", share }),
    );
    const known = new Set(manifest.labels);
    return {
      score: spanScore(outcomes),
      findings: { task: "tagging", evaluation: spanFindings(outcomes) },
      unknownLabels: counted(rows.flatMap(({ tags }) => tags.filter((tag) => !known.has(tag)))),
    };
  } finally {
    await predictor.close();
  }
}

/** Of length one, whatever the backbone's own vectors are. [texts, H] flat */
export async function servedVectors(
  predictor: Predictor,
  texts: readonly string[],
  prompt: string,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const vectors: number[] = [];
  let width = 1;
  for (let from = 0; from < texts.length; from += AT_ONCE) {
    const asked = texts.slice(from, from + AT_ONCE);
    for (const { vector } of await predictor.embed(asked, { prompt, ...(signal && { signal }) })) {
      width = vector.length;
      vectors.push(...vector);
    }
  }
  return normalizeRows(Float32Array.from(vectors), width);
}

/** Fewer than what a predictor's queue holds. */
const AT_ONCE = 256;

/** Rows that are only answered may all have the same value. */
export function isOneValue({ code }: LintIssue): boolean {
  return code === "one_value";
}

function counted(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
