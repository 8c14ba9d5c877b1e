import { type RowOfTask, similarTexts } from "@kilotune/dataset";
import {
  chooseLabelSettings,
  heldOutTexts,
  readableName,
  type TuneSettings,
  textOutputs,
} from "@kilotune/tuner";
import { pickTexts, type ReadTexts, type TextRows } from "../classes/prepare.ts";
import type { TextJob } from "../job.ts";
import { mapFiles } from "../map-files.ts";
import { once } from "../once.ts";
import type { JobData, TaskPlan } from "../task.ts";
import { hashOfRows, type RowsOfFile, readTextFiles, shownRow, textsOf } from "../texts/read-texts.ts";
import { textSettings } from "../texts/text-settings.ts";
import { openTextVectors } from "../texts/text-vectors.ts";
import {
  type FittedLabels,
  type LabelFile,
  type LabelInput,
  type LabelRows,
  labelTask,
} from "./label-task.ts";
import type { LabelOutcome } from "./outcome.ts";
import { type Targets, targetsOf } from "./targets.ts";

interface TextLabelFile extends ReadTexts, LabelFile {}

/** Any number of labels a text, or a pair of texts. */
export function textLabels(
  job: TextJob,
): TaskPlan<TextLabelFile, LabelRows<TextRows>, FittedLabels, LabelOutcome> {
  return {
    async read(emit) {
      const files = await readTextFiles(job, "multi_label", emit);
      const labels = [...new Set(files.train.rows.flatMap((row) => row.labels))].sort();
      const numbered = ({ name, rows }: RowsOfFile<RowOfTask["multi_label"]>): TextLabelFile => ({
        ...textsOf(name, rows, files.pairs),
        ...targetsOf(
          rows.map((row) => row.labels),
          labels,
        ),
      });
      const facts = (file: typeof files.validation) =>
        file?.rows.map(({ text, textPair, labels }) => [text, textPair, labels]);
      return {
        labels,
        ...mapFiles(files, numbered),
        sha256: hashOfRows([facts(files.train), facts(files.validation)]),
        together: once(() => similarTexts(files.train.rows.map(shownRow))),
      };
    },
    open: async (data) => labelTask(await openLabels(job, data), data),
  };
}

async function openLabels(
  job: TextJob,
  data: JobData<TextLabelFile>,
): Promise<LabelInput<TextLabelFile, TextRows>> {
  const { labels } = data;
  const settings = textSettings(job, data.train.count, chooseLabelSettings);
  const texts = await openTextVectors(job, settings);
  const { backbone, linear } = texts;
  return {
    backbone: backbone.manifest,
    settings,
    linear,
    seed: job.seed,
    rows: "texts",
    [Symbol.asyncDispose]: () => texts[Symbol.asyncDispose](),
    prepareTraining: texts.prepare,
    prepare: texts.prepare,
    pick: pickTexts,
    outputs(changes) {
      const own = { ...(settings as TuneSettings), ...changes };
      return {
        settings: own,
        task: (data, start) => textOutputs(backbone, own, data, start, "sigmoid"),
        heldOut: ({ store }) => heldOutTexts(backbone, own, store),
        beginOf: (rows, taskOn) => {
          const words = { labels: labels.map(readableName), examples: textsByLabel(rows, labels.length) };
          return texts.beginOf(own, rows, words, taskOn);
        },
      };
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
    notes: [],
  };
}

/** Of each label the rows that have it, as encoded. */
function textsByLabel({ store, targets }: Pick<TextRows, "store"> & Targets, labels: number): Int32Array[][] {
  return Array.from({ length: labels }, (_, label) =>
    store.rows.filter((_, row) => targets[row * labels + label] === 1),
  );
}
