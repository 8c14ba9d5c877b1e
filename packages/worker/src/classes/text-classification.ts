import type { Backbone } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import {
  assertSmallEnough,
  chooseSettings,
  chooseWholeSettings,
  classMeans,
  embedWhole,
  type LinearSession,
  readableName,
  textClassification as learnTexts,
  runTuning,
  type TuneSettings,
  textAccuracy,
  weightsIn,
  wholeAccuracy,
  wholeClassification,
} from "@kilotune/tuner";
import type { TextJob } from "../job.ts";
import type { JobData, TaskPlan } from "../task.ts";
import { textSettings } from "../texts/text-settings.ts";
import { openTextVectors } from "../texts/text-vectors.ts";
import { tokensOf } from "../tokens-of.ts";
import { answer } from "./answer.ts";
import { type ClassInput, classTask, type FittedClasses, type WholeInput } from "./class-task.ts";
import { labelNames, NAME_WEIGHT } from "./label-names.ts";
import type { ClassOutcome } from "./outcome.ts";
import { joinRows, type PreparedRows, pickRows, prepareRows } from "./prepare.ts";
import { type LabelledTexts, readData } from "./read-data.ts";
import type { OutsideRows } from "./scope.ts";

/** One label a text. */
export function textClassification(
  job: TextJob,
): TaskPlan<LabelledTexts, PreparedRows, FittedClasses, ClassOutcome> {
  return {
    read: (emit) => readData(job, emit),
    open: async (data) => classTask(await openTexts(job, data), data),
  };
}

async function openTexts(
  job: TextJob,
  data: JobData<LabelledTexts>,
): Promise<ClassInput<LabelledTexts, PreparedRows>> {
  const { labels } = data;
  const settings = textSettings(job, data.train.count, chooseSettings);
  const vectors = await openTextVectors(job, settings);
  const { backbone, sessions, linear } = vectors;
  const { manifest } = backbone;
  const { hiddenSize } = manifest.config;
  /** The labels' own words, where they help. */
  let names: PreparedRows | undefined;

  let outside: Promise<OutsideRows<PreparedRows>> | undefined;
  const prepareOutside = async (): Promise<OutsideRows<PreparedRows>> => {
    const rowsOf = async (...files: readonly (LabelledTexts | undefined)[]) => {
      const aside = files.flatMap((file) => file?.outside ?? []);
      if (aside.length === 0) return undefined;
      const pairs = aside.flatMap((file) => file.pairs ?? []);
      const texts = aside.flatMap((file) => file.texts);
      const labels = new Int32Array(texts.length).fill(-1);
      const file = { name: "of no label", texts, labels, ...(pairs.length > 0 && { pairs }) };
      return prepareRows(backbone, sessions, file);
    };
    return { choosing: await rowsOf(data.train, data.validation), tested: await rowsOf(data.test) };
  };

  return {
    backbone: manifest,
    settings,
    linear,
    seed: job.seed,
    [Symbol.asyncDispose]: () => vectors[Symbol.asyncDispose](),

    async prepareTraining(file, onProgress) {
      const rows = await prepareRows(backbone, sessions, file, onProgress);
      // A name is one text: it says nothing of how two go together.
      names =
        settings && file.pairs === undefined ? await labelNames(backbone, sessions, labels, rows) : undefined;
      return rows;
    },
    prepare: (file, onProgress) => prepareRows(backbone, sessions, file, onProgress),
    pick: pickRows,

    moreRows: () => names?.count ?? 0,
    runFacts: (train, validation) => [
      names !== undefined,
      [...train.labels],
      validation && [...validation.labels],
    ],
    learn({ train, validation, epochs, settings: candidate, ...run }) {
      const own = { ...(settings as TuneSettings), ...candidate, epochs };
      const all = names === undefined ? train : joinRows(train, names);
      const rowWeights = Float32Array.from(all.labels, (_, row) => (row < train.count ? 1 : NAME_WEIGHT));
      const classes = labels.length;
      const rows = { store: all.store, labels: all.labels, classes, rowWeights };
      const meansOf = (vectors: Float32Array) =>
        classMeans(vectors, all.labels, classes, hiddenSize, rowWeights);
      const taskOn = (vectors: Float32Array) => learnTexts(backbone, own, rows, meansOf(vectors));
      const words = { labels: labels.map(readableName), examples: textsByLabel(train, classes) };
      return runTuning({
        ...run,
        settings: own,
        ...vectors.beginOf(own, all, words, taskOn),
        task: taskOn(all.vectors),
        ...(validation ? { validation: textAccuracy(backbone, own, linear, validation) } : {}),
      });
    },
    ...(job.fullTuning && { whole: wholeTexts(backbone, linear, data, job) }),
    vectorsOf: vectors.vectorsOf,

    publish: ({ head, temperature, tuned, receipt }) =>
      vectors.publish(
        {
          task: "classification",
          labels,
          calibration: { temperature },
          ...(data.train.pairs && { input: "text_pair" }),
        },
        head,
        { tuned, receipt },
      ),
    answer: (prompt, rows) => answer(backbone, linear, prompt, rows),

    ...(job.outOfScope && { outside: () => (outside ??= prepareOutside()) }),
    promptNumbers: vectors.promptNumbers,
    notes: ({ truncatedRows }) => [
      ...(names ? ["The labels' own words were learnt along, at half the weight of a row."] : []),
      ...(truncatedRows > 0
        ? [`Training rows longer than the backbone reads, and cut: ${truncatedRows}.`]
        : []),
    ],
    tokensIn: ({ store }) => tokensOf(store),
  };
}

/** Before anything is learnt; the weights themselves refuse at the first run. Throws `not_tunable`. */
export function assertFullyTunable({ manifest }: Backbone): void {
  if (manifest.precision === "int8")
    throw new KilotuneError(
      "not_tunable",
      `expected a backbone in fp32 for full fine-tuning, saw ${manifest.id} in int8`,
      "Leave full fine-tuning out, or take the model in fp32.",
      { kind: "usage" },
    );
  assertSmallEnough(manifest.weightsBytes / Float32Array.BYTES_PER_ELEMENT - HEADER_SLACK);
}

/** Of each label its rows, as encoded. */
function textsByLabel({ store, labels }: PreparedRows, classes: number): Int32Array[][] {
  const texts: Int32Array[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, row) => {
    texts[label]?.push(store.rows[row] as Int32Array);
  });
  return texts;
}

/** A file of weights has a header, too: far less than what is asked here. */
const HEADER_SLACK = 1e5;

/** Full fine-tuning on the same rows, from the class means that prompts start from. */
function wholeTexts(
  backbone: Backbone,
  linear: LinearSession,
  { labels, train: { count } }: JobData<LabelledTexts>,
  { seed, epochs }: TextJob,
): WholeInput<PreparedRows> {
  assertFullyTunable(backbone);
  const settings = chooseWholeSettings(backbone.manifest, {
    trainRows: count,
    seed,
    ...(epochs === "auto" ? {} : { epochs }),
  });
  const { hiddenSize } = backbone.manifest.config;
  const classes = labels.length;
  return {
    settings,
    weights: async () => weightsIn(await backbone.weights()),
    async learn({ train, validation, epochs: most, settings: candidate, ...run }) {
      const own = { ...settings, ...candidate, epochs: most };
      const weights = await backbone.weights();
      const ids = train.store.rows;
      const prototypes = classMeans(train.vectors, train.labels, classes, hiddenSize);
      const rows = { ids, labels: train.labels, classes };
      const held = validation && { ids: validation.store.rows, labels: validation.labels };
      return runTuning({
        ...run,
        settings: own,
        task: wholeClassification(backbone, own, weights, rows, prototypes),
        ...(held ? { validation: wholeAccuracy(backbone, weights, linear, ids, held) } : {}),
      });
    },
    async vectorsOf({ head }, learntFrom, { store }) {
      const session = await backbone.open({ kind: "whole", wanted: "embedding" });
      try {
        const weights = await backbone.weights();
        return await embedWhole(session, backbone, weights, head, learntFrom.store.rows, store.rows);
      } finally {
        await session.release();
      }
    },
  };
}
