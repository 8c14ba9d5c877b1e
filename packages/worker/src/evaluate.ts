import type { Backbone } from "@kilotune/backbone";
import type { Calibration, Evaluation } from "@kilotune/contract";
import type { StoredPrompt } from "@kilotune/prompt";
import { assertCompatible, expectUse } from "@kilotune/prompt";
import { argmaxRows, confusionOf, perClass, reliability, scoreOf } from "@kilotune/tuner";
import { answerTexts } from "./answer.ts";
import { backboneIdentity } from "./backbone-identity.ts";
import type { DataSource, JobEvent } from "./job.ts";
import { readRows } from "./read-data.ts";

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
  return { ...assess(texts, expected, logits, labels, calibration.temperature), unknownLabels };
}

export interface Assessment {
  readonly evaluation: Evaluation;
  readonly calibration: Calibration;
}

/**
 * Everything that the report says about answers. A row whose label the prompt doesn't know counts as wrong, and stands in
 * no class's row of the confusion matrix.
 */
export function assess(
  texts: readonly string[],
  expected: Int32Array,
  logits: Float32Array,
  labels: readonly string[],
  temperature: number,
): Assessment {
  const classes = labels.length;
  const predicted = argmaxRows(logits, classes);
  const probabilities = softmaxRows(logits, classes, temperature);
  const { rows, accuracy, macroF1 } = scoreOf(expected, predicted, classes);
  const confusion = confusionOf(expected, predicted, classes);
  const mistakes = [...expected.keys()]
    .filter((row) => expected[row] !== predicted[row])
    .map((row) => ({
      text: texts[row] as string,
      label: labels[expected[row] as number] ?? "(unknown label)",
      predicted: labels[predicted[row] as number] as string,
      score: probabilities[row * classes + (predicted[row] as number)] as number,
    }))
    .sort((a, b) => b.score - a.score);
  return {
    evaluation: {
      rows,
      accuracy,
      macroF1,
      labels,
      confusion,
      perClass: perClass(confusion, labels),
      mistakes,
    },
    calibration: { temperature, ...reliability(probabilities, expected, classes) },
  };
}

function softmaxRows(logits: Float32Array, classes: number, temperature: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const max = row.reduce((largest, logit) => Math.max(largest, logit), Number.NEGATIVE_INFINITY);
    let sum = 0;
    for (const logit of row) sum += Math.exp((logit - max) / temperature);
    row.forEach((logit, at) => {
      probabilities[start + at] = Math.exp((logit - max) / temperature) / sum;
    });
  }
  return probabilities;
}
