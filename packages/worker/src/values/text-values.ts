import { type RowOfTask, similarTexts } from "@kilotune/dataset";
import type { Head } from "@kilotune/prompt";
import {
  chooseRegressionSettings,
  fitRidge,
  heldOutTexts,
  type Learnt,
  type LinearHead,
  learntHead,
  outputValidation,
  type Ridge,
  runTuning,
  scoreValues,
  spreadOf,
  standardised,
  type TuneSettings,
  textOutputs,
} from "@kilotune/tuner";
import { headLogits, linearHead } from "../classes/class-heads.ts";
import { pickTexts, type ReadTexts, type TextRows } from "../classes/prepare.ts";
import type { TextJob } from "../job.ts";
import { mapFiles } from "../map-files.ts";
import { once } from "../once.ts";
import { TUNED } from "../select.ts";
import type { JobData, Task, TaskPlan } from "../task.ts";
import { hashOfRows, type RowsOfFile, readTextFiles, shownRow, textsOf } from "../texts/read-texts.ts";
import { textSettings } from "../texts/text-settings.ts";
import { openTextVectors } from "../texts/text-vectors.ts";
import { tokensOf } from "../tokens-of.ts";
import { judgeNumbers, numberFindings, scoreNumbers, type ValueOutcome } from "./outcome.ts";

interface ValueFile extends ReadTexts {
  readonly values: Float64Array;
}

interface ValueRows extends TextRows {
  readonly values: Float64Array;
}

const PROBE = "linearProbe";

/** Weak enough that a run that starts from it still has something to learn. */
const START_LAMBDA = 1;

/** A number a text, or a pair of texts. */
export function textValues(job: TextJob): TaskPlan<ValueFile, ValueRows, Ridge, ValueOutcome> {
  return {
    async read(emit) {
      const files = await readTextFiles(job, "regression", emit);
      const fileOf = ({ name, rows }: RowsOfFile<RowOfTask["regression"]>): ValueFile => ({
        ...textsOf(name, rows, files.pairs),
        values: Float64Array.from(rows, ({ value }) => value),
      });
      const facts = (file: typeof files.validation) =>
        file?.rows.map(({ text, textPair, value }) => [text, textPair, value]);
      return {
        labels: ["value"],
        ...mapFiles(files, fileOf),
        sha256: hashOfRows([facts(files.train), facts(files.validation)]),
        together: once(() => similarTexts(files.train.rows.map(shownRow))),
      };
    },
    open: (data) => openValues(job, data),
  };
}

async function openValues(
  job: TextJob,
  data: JobData<ValueFile>,
): Promise<Task<ValueFile, ValueRows, Ridge, ValueOutcome>> {
  const settings = textSettings(job, data.train.count, chooseRegressionSettings);
  const texts = await openTextVectors(job, settings);
  const { backbone, linear } = texts;
  const { manifest } = backbone;
  const { hiddenSize } = manifest.config;
  // The same for all runs, so that what each learnt means the same.
  const spread = spreadOf(data.train.values);

  const prepare = async (file: ValueFile, onProgress?: (share: number) => void): Promise<ValueRows> => ({
    ...(await texts.prepare(file, onProgress)),
    values: file.values,
  });
  const outcomesOf = (rows: ValueRows, answers: ArrayLike<number>): ValueOutcome[] =>
    rows.texts.map((row, at) => ({
      row,
      expected: rows.values[at] as number,
      answered: answers[at] as number,
    }));
  const answered = async (
    vectors: Float32Array,
    { weight, bias }: LinearHead,
    { mean, scale }: { readonly mean: number; readonly scale: number },
  ) => Float64Array.from(await linear.logits(vectors, weight, bias), (output) => mean + scale * output);
  const tunedHead = ({ head }: Pick<Learnt, "head">) =>
    learntHead(head as Record<"weight" | "bias", Float32Array>, (settings as TuneSettings).temperature);

  return {
    backbone: manifest,
    settings,
    baselines: [
      { name: "mean", title: "mean of the training rows" },
      { name: PROBE, title: "ridge regression" },
    ],
    heads: [PROBE],
    [Symbol.asyncDispose]: () => texts[Symbol.asyncDispose](),

    prepareTraining: prepare,
    prepare,
    holding: {
      strataOf: ({ count }) => new Int32Array(count),
      pick: (rows, wanted) => ({
        ...pickTexts(rows, wanted),
        values: Float64Array.from(wanted, (row) => rows.values[row] as number),
      }),
    },

    fit: async (rows, like) => fitRidge(rows.vectors, rows.values, hiddenSize, job.seed, like),
    async answerBaselines({ head, mean, scale }, rows) {
      return {
        mean: outcomesOf(rows, new Float64Array(rows.count).fill(mean)),
        [PROBE]: outcomesOf(rows, await answered(rows.vectors, head, { mean, scale })),
      };
    },

    learntRows: ({ count }) => count,
    runFacts: (train, validation) => [[...train.values], validation && [...validation.values]],
    learn({ train, validation, epochs, settings: candidate, ...run }) {
      const own = { ...(settings as TuneSettings), ...candidate, epochs };
      const targets = standardised(train.values, spread.mean, spread.scale);
      const taskOn = (vectors: Float32Array) => {
        const { head } = fitRidge(vectors, train.values, hiddenSize, job.seed, { lambda: START_LAMBDA });
        return textOutputs(backbone, own, { store: train.store, targets, outputs: 1 }, head, "squares");
      };
      return runTuning({
        ...run,
        settings: own,
        ...texts.beginOf(own, train, {}, taskOn),
        task: taskOn(train.vectors),
        ...(validation && {
          validation: outputValidation(
            heldOutTexts(backbone, own, validation.store),
            linear,
            own.temperature,
            {
              // Of a mean of squares of normal errors.
              standardError: (score) => Math.sqrt(2 / Math.max(1, validation.count)) * Math.max(0, 1 - score),
              of: (outputs) =>
                scoreValues(standardised(validation.values, spread.mean, spread.scale), outputs).r2,
            },
          ),
        }),
      });
    },
    async answerRun(run, rows) {
      return outcomesOf(rows, await answered(await texts.vectorsOf(run, rows), tunedHead(run), spread));
    },

    score: scoreNumbers,
    judge: judgeNumbers,

    publish({ kind, fitted, tuned, receipt }) {
      const isTuned = kind === TUNED && tuned !== undefined && settings !== undefined;
      const { mean, scale } = isTuned ? spread : (fitted as Ridge);
      const head = linearHead(isTuned ? tunedHead(tuned) : (fitted as Ridge).head);
      return texts.publish(
        {
          task: "regression",
          labels: data.labels,
          calibration: { mean, scale },
          ...(data.train.pairs && { input: "text_pair" }),
        },
        head,
        { tuned: isTuned ? tuned : undefined, receipt },
      );
    },
    async answer(prompt, rows) {
      const vectors = await texts.vectorsOfPrompt(prompt, rows);
      const outputs = await headLogits(linear, prompt.head as Head, vectors);
      return outcomesOf(rows, valuesOf(prompt.manifest.calibration, outputs));
    },

    findings: async (outcomes) => ({ task: "regression", evaluation: numberFindings(outcomes) }),
    facts: ({ train, fitted, run }) => ({
      labelRows: [train.count],
      truncatedRows: train.truncatedRows,
      settings: { ridge: fitted.lambda },
      titles: {},
      sizes: { mean: 8, [PROBE]: 2 * (hiddenSize + 1) },
      trainableParameters: hiddenSize + 1 + (run?.prompt.length ?? texts.promptNumbers),
      notes: { first: [], last: [] },
    }),
    tokensIn: ({ store }) => tokensOf(store),
  };
}

/** A head's outputs in the unit of the training rows. @param calibration of a prompt for regression */
export function valuesOf(calibration: object, outputs: ArrayLike<number>): Float64Array {
  const { mean, scale } = calibration as { readonly mean: number; readonly scale: number };
  return Float64Array.from(outputs, (output) => mean + scale * output);
}
