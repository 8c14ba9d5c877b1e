import type { RowOfTask } from "@kilotune/dataset";
import {
  chooseLabelSettings,
  crossFitted,
  outputValidation,
  runTuning,
  scoreLabels,
  sigmoids,
  standardErrorOfShare,
  type TuneSettings,
  textOutputs,
} from "@kilotune/tuner";
import { pickTexts, type ReadTexts, type TextRows } from "../classes/prepare.ts";
import type { TextJob } from "../job.ts";
import type { JobData, TaskPlan } from "../task.ts";
import { textSettings } from "../texts/text-settings.ts";
import { openTextVectors } from "../texts/text-vectors.ts";
import { hashOfRows, type RowsOfFile, readTextFiles, textsOf } from "../texts/read-texts.ts";
import {
  type FittedLabels,
  type LabelFile,
  type LabelInput,
  type LabelRows,
  labelTask,
} from "./label-task.ts";
import type { LabelOutcome } from "./outcome.ts";

interface TextLabelFile extends ReadTexts, LabelFile {}
interface TextLabelRows extends TextRows, LabelRows {}

/** Any number of labels a text, or a pair of texts. */
export function textLabels(job: TextJob): TaskPlan<TextLabelFile, TextLabelRows, FittedLabels, LabelOutcome> {
  return {
    async read(emit) {
      const { train, validation, test, otherTests, pairs } = await readTextFiles(job, "multi_label", emit);
      const labels = [...new Set(train.rows.flatMap((row) => row.labels))].sort();
      const numbered = ({ name, rows }: RowsOfFile<RowOfTask["multi_label"]>): TextLabelFile => ({
        ...textsOf(name, rows, pairs),
        ...targetsOf(
          rows.map((row) => row.labels),
          labels,
        ),
      });
      const facts = (file: typeof validation) =>
        file?.rows.map(({ text, textPair, labels }) => [text, textPair, labels]);
      return {
        labels,
        train: numbered(train),
        validation: validation && numbered(validation),
        test: test && numbered(test),
        otherTests: otherTests.map(numbered),
        sha256: hashOfRows([facts(train), facts(validation)]),
      };
    },
    open: async (data) => labelTask(await openLabels(job, data), data),
  };
}

/** Sets of labels in numbers: see LabelFile. */
export function targetsOf(
  rows: readonly (readonly string[])[],
  labels: readonly string[],
): Pick<LabelFile, "targets" | "unknown"> {
  const numberOf = new Map(labels.map((label, at) => [label, at]));
  const targets = new Uint8Array(rows.length * labels.length);
  const unknown = Int32Array.from(rows, (own, row) => {
    let strangers = 0;
    for (const label of own) {
      const at = numberOf.get(label);
      if (at === undefined) strangers++;
      else targets[row * labels.length + at] = 1;
    }
    return strangers;
  });
  return { targets, unknown };
}

/** Of some rows. */
export function pickTargets(
  { targets, unknown }: Pick<LabelFile, "targets" | "unknown">,
  wanted: readonly number[],
): Pick<LabelFile, "targets" | "unknown"> {
  const labels = targets.length / Math.max(1, unknown.length);
  const picked = new Uint8Array(wanted.length * labels);
  wanted.forEach((row, at) => {
    picked.set(targets.subarray(row * labels, (row + 1) * labels), at * labels);
  });
  return { targets: picked, unknown: Int32Array.from(wanted, (row) => unknown[row] as number) };
}

async function openLabels(
  job: TextJob,
  data: JobData<TextLabelFile>,
): Promise<LabelInput<TextLabelFile, TextLabelRows>> {
  const { labels } = data;
  const settings = textSettings(job, data.train.count, chooseLabelSettings);
  const texts = await openTextVectors(job, settings);
  const { backbone, linear } = texts;
  const prepare = async (file: TextLabelFile, onProgress?: (share: number) => void) => ({
    ...(await texts.prepare(file, onProgress)),
    targets: file.targets,
    unknown: file.unknown,
  });
  return {
    backbone: backbone.manifest,
    settings,
    linear,
    seed: job.seed,
    rows: "texts",
    [Symbol.asyncDispose]: () => texts[Symbol.asyncDispose](),
    prepareTraining: prepare,
    prepare,
    pick: (rows, wanted) => ({ ...pickTexts(rows, wanted), ...pickTargets(rows, wanted) }),
    learn({ train, validation, epochs, settings: candidate, ...run }, start) {
      const own = { ...(settings as TuneSettings), ...candidate, epochs };
      const { store, targets } = train;
      const rows = { store, targets, outputs: labels.length };
      return runTuning({
        ...run,
        settings: own,
        task: textOutputs(backbone, own, rows, start, "sigmoid"),
        ...(validation && {
          validation: outputValidation(
            backbone,
            own,
            linear,
            validation.store,
            labelMeasure(validation, labels.length),
          ),
        }),
      });
    },
    vectorsOf: (learnt, rows) => texts.vectorsOf(learnt, rows),
    vectorsOfPrompt: (prompt, rows) => texts.vectorsOfPrompt(prompt, rows),
    publish: (calibration, head, published) =>
      texts.publish(
        { task: "multi_label", labels, calibration, ...(data.train.pairs && { input: "text_pair" }) },
        head,
        published,
      ),
    promptNumbers: texts.promptNumbers,
    tokensIn: ({ store }) => store.lengths.reduce((sum, length) => sum + length, 0),
  };
}

/** Micro F1 by thresholds that each row had no part in choosing. */
export function labelMeasure({ targets, unknown }: Pick<LabelFile, "targets" | "unknown">, labels: number) {
  const positives = targets.reduce((sum, target) => sum + target, 0);
  return {
    standardError: (score: number) => standardErrorOfShare(score, positives),
    of: (logits: Float32Array) =>
      scoreLabels(targets, crossFitted(sigmoids(logits), targets, labels), labels, unknown).microF1,
  };
}
