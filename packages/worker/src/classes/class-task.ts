import type { AttentionMaps, Picture } from "@kilotune/contract";
import type { Head, Prompt } from "@kilotune/prompt";
import {
  type Baselines,
  type FrozenRows,
  fitBaselines,
  type Learnt,
  type LinearSession,
  type LoopSettings,
  predictBaselines,
  type RunResult,
  type ScopeChoice,
} from "@kilotune/tuner";
import { TUNED } from "../select.ts";
import type {
  BackboneFacts,
  Found,
  JobData,
  Published,
  RowsOf,
  Run,
  Task,
  TaskFacts,
  WholeTuning,
} from "../task.ts";
import { headLogits, linearHead, meansHead } from "./class-heads.ts";
import {
  assess,
  assessWithPictures,
  type ClassOutcome,
  judgeClasses,
  outcomesOfClasses,
  outcomesOfLogits,
  scoreClasses,
  temperatureOf,
} from "./outcome.ts";
import { assessScope, type OutsideRows, withScope } from "./scope.ts";

/** Rows of one class each, whatever they are. */
export interface ClassRows extends RowsOf {
  /** What people see of each: the text, or the image's name. */
  readonly texts: readonly string[];
  /** -1 for a label that the training rows don't have. */
  readonly labels: Int32Array;
  /** Unit vectors of the plain backbone, [rows, H] flat: what the baselines see. */
  readonly vectors: Float32Array;
  readonly truncatedRows: number;
  /** Where rows are images. */
  pictureOf?(row: number): Promise<Picture>;
}

export interface ClassFile extends RowsOf {
  readonly labels: Int32Array;
}

/** What classes of texts and of images differ in. */
export interface ClassInput<File extends ClassFile, Rows extends ClassRows> extends AsyncDisposable {
  readonly backbone: BackboneFacts;
  readonly settings: (LoopSettings & { readonly temperature: number }) | undefined;
  readonly linear: LinearSession;
  readonly seed: number;
  prepareTraining(file: File, onProgress: (share: number) => void): Promise<Rows>;
  prepare(file: File, onProgress?: (share: number) => void): Promise<Rows>;
  /** Some rows of a file; nothing is computed again. */
  pick(rows: Rows, wanted: readonly number[]): Rows;
  /** Rows that a run learns besides those of the file. */
  moreRows(): number;
  runFacts(train: Rows, validation: Rows | undefined): readonly unknown[];
  learn(run: Run<Rows>): Promise<RunResult>;
  readonly whole?: WholeInput<Rows>;
  /** Unit vectors behind what was learnt, [rows, H] flat. */
  vectorsOf(learnt: Learnt, rows: Rows): Promise<Float32Array>;
  /** Rounded to what its file will hold. */
  publish(numbers: PublishedNumbers): Prompt | Promise<Prompt>;
  /** Logits [rows, classes] flat. */
  answer(prompt: Prompt, rows: Rows): Promise<Float32Array>;
  /** Where inputs may be of no class at all. */
  outside?(): Promise<OutsideRows<Rows>>;
  /** Of images: see `Task`. */
  attention?(prompt: Prompt, file: File): Promise<AttentionMaps | undefined>;
  /** Numbers of the prompt that `settings` ask for. */
  readonly promptNumbers: number;
  /** Told first in the report's notes. */
  notes(train: Rows): readonly string[];
  tokensIn(rows: Rows): number;
}

/** Full fine-tuning. */
export interface WholeInput<Rows> extends Pick<WholeTuning<Rows, ClassOutcome>, "learn" | "weights"> {
  readonly settings: LoopSettings & { readonly temperature: number };
  /** Unit vectors [rows, H] flat. */
  vectorsOf(learnt: Learnt, learntFrom: Rows, rows: Rows): Promise<Float32Array>;
}

export interface PublishedNumbers extends Pick<Published<unknown, unknown>, "receipt" | "tuned"> {
  readonly head: Head;
  readonly temperature: number;
}

export interface FittedClasses {
  readonly baselines: Baselines;
  /** The rows that they were fitted on. */
  readonly frozen: FrozenRows;
}

const BASELINES = [
  { name: "majority", title: "majority class" },
  { name: "classMean", title: "nearest class mean" },
  { name: "knn", title: "nearest neighbours" },
  { name: "linearProbe", title: "linear probe" },
] as const;

/** One label a row. */
export function classTask<File extends ClassFile, Rows extends ClassRows>(
  input: ClassInput<File, Rows>,
  data: JobData<File>,
): Task<File, Rows, FittedClasses, ClassOutcome> {
  const { linear, settings, seed } = input;
  const { labels } = data;
  const classes = labels.length;
  return {
    backbone: input.backbone,
    settings,
    baselines: BASELINES,
    // Neighbours would have to store the rows themselves.
    heads: ["linearProbe", "classMean"],
    [Symbol.asyncDispose]: () => input[Symbol.asyncDispose](),

    prepareTraining: (file, onProgress) => input.prepareTraining(file, onProgress),
    prepare: (file, onProgress) => input.prepare(file, onProgress),
    holding: { strataOf: (rows) => rows.labels, pick: input.pick },

    async fit(rows, like) {
      const frozen: FrozenRows = { vectors: rows.vectors, labels: rows.labels, classes };
      return { frozen, baselines: await fitBaselines(linear, frozen, seed, like?.baselines) };
    },
    async answerBaselines({ baselines, frozen }, rows) {
      const predicted = await predictBaselines(linear, baselines, frozen, rows.vectors);
      const logits = {
        linearProbe: await headLogits(linear, linearHead(baselines.probe), rows.vectors),
        classMean: await headLogits(linear, meansHead(baselines.classMeans), rows.vectors),
      };
      const scored = (name: "linearProbe" | "classMean") =>
        outcomesOfLogits(rows, logits[name], classes).map((outcome, row) => ({
          ...outcome,
          predicted: predicted[name][row] as number,
        }));
      return {
        majority: outcomesOfClasses(rows, predicted.majority),
        classMean: scored("classMean"),
        knn: outcomesOfClasses(rows, predicted.knn),
        linearProbe: scored("linearProbe"),
      };
    },

    learntRows: (train) => train.count + input.moreRows(),
    runFacts: (train, validation) => input.runFacts(train, validation),
    learn: (run) => input.learn(run),
    ...(input.whole && { whole: wholeOf(input.whole, linear, classes) }),
    async answerRun(run, rows) {
      const head = cosineHead(run, settings as NonNullable<typeof settings>);
      const vectors = await input.vectorsOf(run, rows);
      return outcomesOfLogits(rows, await headLogits(linear, head, vectors), classes);
    },

    score: (outcomes) => scoreClasses(outcomes, classes),
    judge: judgeClasses,

    async publish({ kind, fitted, heldOut, tuned, receipt }) {
      const temperature = heldOut.length === 0 ? 1 : temperatureOf(heldOut, classes);
      const isTuned = kind === TUNED && tuned !== undefined && settings !== undefined;
      const headOf = ({ baselines }: FittedClasses) =>
        kind === "classMean" ? meansHead(baselines.classMeans) : linearHead(baselines.probe);
      const prompt = await input.publish({
        head: isTuned ? cosineHead(tuned, settings) : headOf(fitted as FittedClasses),
        tuned: isTuned ? tuned : undefined,
        temperature,
        receipt,
      });
      // A prompt from under way isn't calibrated: nothing was held out for it.
      if (input.outside === undefined || heldOut.length === 0) return prompt;
      const { choosing } = await input.outside();
      return withScope(prompt, heldOut, choosing && (await input.answer(prompt, choosing)), classes);
    },
    async answer(prompt, rows) {
      return outcomesOfLogits(rows, await input.answer(prompt, rows), classes);
    },

    ...(input.attention && { attention: input.attention }),
    async findings(outcomes, prompt) {
      const { temperature, outOfScope } = prompt.manifest.calibration as ClassCalibration;
      const found = outcomes.some(({ picture }) => picture)
        ? await assessWithPictures(outcomes, labels, temperature)
        : assess(outcomes, labels, temperature);
      if (input.outside === undefined || outOfScope === undefined) return found;
      // Without rows of the test file those that chose the threshold speak, as held-out rows do for the classes.
      const { tested, choosing } = await input.outside();
      const rows = data.test === undefined ? choosing : tested;
      const outside = rows && (await input.answer(prompt, rows));
      return { ...found, scope: assessScope({ temperature, outOfScope }, outcomes, outside, classes) };
    },
    facts: (found) => factsOf(input, found),
    tokensIn: (rows) => input.tokensIn(rows),
  };
}

interface ClassCalibration {
  readonly temperature: number;
  readonly outOfScope?: ScopeChoice;
}

function wholeOf<Rows extends ClassRows>(
  { vectorsOf, ...whole }: WholeInput<Rows>,
  linear: LinearSession,
  classes: number,
): WholeTuning<Rows, ClassOutcome> {
  return {
    ...whole,
    async answer(run, learntFrom, rows) {
      const vectors = await vectorsOf(run, learntFrom, rows);
      return outcomesOfLogits(
        rows,
        await headLogits(linear, cosineHead(run, whole.settings), vectors),
        classes,
      );
    },
  };
}

function cosineHead({ head }: Learnt, { temperature }: { readonly temperature: number }) {
  const weight = head.prototypes as Float32Array;
  return { kind: "cosine", weight, scale: 1 / temperature } as const;
}

function factsOf<File extends ClassFile, Rows extends ClassRows>(
  input: ClassInput<File, Rows>,
  { data, train, fitted, run }: Found<File, Rows, FittedClasses>,
): TaskFacts {
  const { baselines } = fitted;
  const { labels } = data;
  const classes = labels.length;
  const { hiddenSize } = input.backbone.config;
  const head = classes * hiddenSize;
  const left = strangers(data.validation);
  const wrong = strangers(data.test);
  return {
    labelRows: labels.map((_, at) => train.labels.filter((label) => label === at).length),
    truncatedRows: train.truncatedRows,
    settings: { probeC: baselines.C, neighbours: baselines.k },
    titles: { knn: `${baselines.k} nearest neighbours` },
    // Halves, as a prompt file stores them; neighbours keep the vectors of all rows.
    sizes: {
      majority: new TextEncoder().encode(labels[baselines.majority]).length,
      classMean: classes * hiddenSize * 2,
      knn: train.count * hiddenSize * 2,
      linearProbe: classes * (hiddenSize + 1) * 2,
    },
    trainableParameters:
      input.settings === undefined ? head + classes : head + (run?.prompt.length ?? input.promptNumbers),
    notes: {
      first: input.notes(train),
      last: [
        ...(left > 0
          ? [
              `Rows of ${data.validation?.name} with a label that no training row has: ${left}; they were left out.`,
            ]
          : []),
        ...(wrong > 0
          ? [
              `Rows of ${data.test?.name} with a label that no training row has: ${wrong}; they count as wrong.`,
            ]
          : []),
      ],
    },
  };
}

function strangers(file: ClassFile | undefined): number {
  return file?.labels.filter((label) => label < 0).length ?? 0;
}
