import type { AttentionMaps } from "@kilotune/contract";
import type { Head, Prompt } from "@kilotune/prompt";
import {
  type Candidate,
  chooseThresholds,
  fitLabelProbe,
  fitLabelTemperature,
  type HeldOutVectors,
  type LabelProbe,
  type LearningTask,
  type Learnt,
  type LinearHead,
  type LinearSession,
  type LoopSettings,
  learntHead,
  type OutputRows,
  outputValidation,
  type RowStore,
  type RunOptions,
  rarestLabels,
  reached,
  runTuning,
  scoreLabels,
  sigmoids,
} from "@kilotune/tuner";
import { headLogits, linearHead } from "../classes/class-heads.ts";
import { TUNED } from "../select.ts";
import type { BackboneFacts, Found, JobData, Published, RowsOf, Task, TaskFacts } from "../task.ts";
import { tokensOf } from "../tokens-of.ts";
import {
  flat,
  flatLogits,
  judgeLabels,
  type LabelOutcome,
  labelFindings,
  outcomesOf,
  scoreOutcomes,
} from "./outcome.ts";
import { labelMeasure, pickTargets, type Targets } from "./targets.ts";

/** Rows of texts or of images, as prepared. */
export interface PlainRows<Store extends RowStore = RowStore> extends RowsOf {
  /** What people see of each. */
  readonly texts: readonly string[];
  readonly store: Store;
  /** Unit vectors of the plain backbone, [rows, H] flat: what the baselines see. */
  readonly vectors: Float32Array;
  readonly truncatedRows: number;
}

/** The same with any number of labels each. */
export type LabelRows<Rows extends PlainRows> = Rows & Targets;

export interface LabelFile extends RowsOf, Targets {}

/** What several labels a text and several an image differ in. */
export interface LabelInput<File extends LabelFile, Rows extends PlainRows> extends AsyncDisposable {
  readonly backbone: BackboneFacts;
  readonly settings: (LoopSettings & { readonly temperature: number }) | undefined;
  readonly linear: LinearSession;
  readonly seed: number;
  /** What people call the rows: texts, images. */
  readonly rows: string;
  prepareTraining(file: File, onProgress: (share: number) => void): Promise<Rows>;
  prepare(file: File, onProgress?: (share: number) => void): Promise<Rows>;
  /** Some rows of a file; nothing is computed again. */
  pick(rows: Rows, wanted: readonly number[]): Rows;
  /** A run with these in place of its own settings. */
  outputs(changes: Candidate & Pick<LoopSettings, "epochs">): {
    readonly settings: LoopSettings & { readonly temperature: number };
    /** @param start what the head starts from */
    task(data: OutputRows & Pick<Rows, "store">, start: LinearHead): LearningTask<"weight" | "bias">;
    heldOut(rows: Rows): HeldOutVectors;
    /**
     * What a run begins with, where that isn't the task's own start, and what its prompt is learnt through.
     * @param taskOn its task by the rows' unit vectors
     * @param taskFrom its task by what its head starts from
     */
    beginOf?(
      rows: Rows & Targets,
      taskOn: (vectors: Float32Array) => Promise<LearningTask<"weight" | "bias">>,
      taskFrom: (start: LinearHead) => LearningTask<"weight" | "bias">,
    ): Pick<RunOptions<"weight" | "bias">, "start" | "through">;
  };
  /** Unit vectors behind what was learnt, [rows, H] flat. */
  vectorsOf(learnt: Learnt, rows: Rows): Promise<Float32Array>;
  /** Behind a prompt as its file has it. */
  vectorsOfPrompt(prompt: Prompt, rows: Rows): Promise<Float32Array>;
  /** Rounded to what its file will hold. */
  publish(
    calibration: LabelCalibration,
    head: Head,
    published: Pick<Published<unknown, unknown>, "tuned" | "receipt">,
  ): Prompt | Promise<Prompt>;
  /** Of images: see `Task`. */
  attention?(prompt: Prompt, file: File): Promise<AttentionMaps | undefined>;
  /** Numbers of the prompt that `settings` ask for. */
  readonly promptNumbers: number;
  /** Told first in the report's notes. */
  readonly notes: readonly string[];
}

export interface LabelCalibration {
  readonly temperature: number;
  /** Shares, in the order of the labels. */
  readonly thresholds: readonly number[];
}

export interface FittedLabels {
  readonly probe: LabelProbe;
  /** Whether its thresholds may be used: those of a fold are chosen as the prompt's are, on rows held out. */
  readonly isWhole: boolean;
  /** [labels]: the same for every row, such that no other such set has a larger micro F1 on these. */
  readonly usual: Uint8Array;
}

/** Weak enough that a run that starts from it still has something to learn. */
const START_C = 10;

/** Any number of labels a row. */
export function labelTask<File extends LabelFile, Rows extends PlainRows>(
  input: LabelInput<File, Rows>,
  data: JobData<File>,
): Task<File, LabelRows<Rows>, FittedLabels, LabelOutcome> {
  const { linear, settings, seed } = input;
  const { labels } = data;
  const C = labels.length;
  const logitsOf = (vectors: Float32Array, { weight, bias }: LinearHead) =>
    linear.logits(vectors, weight, bias);
  const tunedHead = ({ head }: Pick<Learnt, "head">) =>
    learntHead(
      head as Record<"weight" | "bias", Float32Array>,
      (settings as { temperature: number }).temperature,
    );
  return {
    backbone: input.backbone,
    settings,
    baselines: [
      { name: "majority", title: "most frequent labels" },
      { name: "linearProbe", title: "linear probe" },
    ],
    heads: ["linearProbe"],
    [Symbol.asyncDispose]: () => input[Symbol.asyncDispose](),

    prepareTraining: async (file, onProgress) => ({
      ...(await input.prepareTraining(file, onProgress)),
      ...targetsIn(file),
    }),
    prepare: async (file, onProgress) => ({ ...(await input.prepare(file, onProgress)), ...targetsIn(file) }),
    holding: {
      strataOf: ({ targets }) => rarestLabels(targets, C),
      pick: (rows, wanted) => ({ ...input.pick(rows, wanted), ...pickTargets(rows, wanted) }),
    },

    fit: async (rows, like) => ({
      probe: await fitLabelProbe(linear, rows, C, seed, like?.probe),
      isWhole: like === undefined,
      usual: usualLabels(rows.targets, C),
    }),
    async answerBaselines({ probe, isWhole, usual }, rows) {
      const logits = await logitsOf(rows.vectors, probe.head);
      const answered = isWhole ? { answered: reached(sigmoids(logits), probe.thresholds) } : {};
      const always = Uint8Array.from(rows.targets, (_, at) => usual[at % C] as number);
      return {
        majority: outcomesOf(rows, C, { answered: always }),
        linearProbe: outcomesOf(rows, C, { logits, ...answered }),
      };
    },

    learntRows: ({ count }) => count,
    runFacts: (train, validation) => [[...train.targets], validation && [...validation.targets]],
    async learn({ train, validation, epochs, settings: candidate, ...run }) {
      const { store, targets } = train;
      const { settings, task, heldOut, beginOf } = input.outputs({ ...candidate, epochs });
      const taskFrom = (start: LinearHead) => task({ store, targets, outputs: C }, start);
      const taskOn = async (vectors: Float32Array) => {
        const { head } = await fitLabelProbe(linear, { vectors, targets }, C, seed, { C: START_C });
        return taskFrom(head);
      };
      const { temperature } = settings;
      return runTuning({
        ...run,
        settings,
        ...beginOf?.(train, taskOn, taskFrom),
        task: await taskOn(train.vectors),
        ...(validation && {
          validation: outputValidation(heldOut(validation), linear, temperature, labelMeasure(validation, C)),
        }),
      });
    },
    async answerRun(run, rows) {
      return outcomesOf(rows, C, {
        logits: await logitsOf(await input.vectorsOf(run, rows), tunedHead(run)),
      });
    },

    score: scoreOutcomes,
    judge: (asked, rivals) => judgeLabels(asked, rivals, input.rows),

    publish({ kind, fitted, heldOut, tuned, receipt }) {
      if (kind === TUNED && tuned !== undefined && settings !== undefined)
        return input.publish(calibrationOf(heldOut, C), linearHead(tunedHead(tuned)), { tuned, receipt });
      const { probe } = fitted as FittedLabels;
      const calibration = calibrationOf(heldOut, C, probe.thresholds);
      return input.publish(calibration, linearHead(probe.head), { tuned: undefined, receipt });
    },
    async answer(prompt, rows) {
      const { temperature, thresholds } = prompt.manifest.calibration as LabelCalibration;
      const logits = await headLogits(linear, prompt.head as Head, await input.vectorsOfPrompt(prompt, rows));
      return outcomesOf(rows, C, { logits, answered: reached(sigmoids(logits, temperature), thresholds) });
    },

    ...(input.attention && { attention: input.attention }),
    findings: async (outcomes, { manifest }) => ({
      task: "multi_label",
      evaluation: labelFindings(outcomes, labels, (manifest.calibration as LabelCalibration).thresholds),
    }),
    facts: (found) => factsOf(input, found),
    tokensIn: ({ store }) => tokensOf(store),
  };
}

function targetsIn({ targets, unknown }: Targets): Targets {
  return { targets, unknown };
}

/** Both from held-out rows: how sure the probabilities are, and from which on each label is given. */
function calibrationOf(
  heldOut: readonly LabelOutcome[],
  labels: number,
  thresholds?: ArrayLike<number>,
): LabelCalibration {
  const logits = flatLogits(heldOut);
  const temperature = fitLabelTemperature(logits, flat(heldOut));
  const chosen = thresholds ?? chooseThresholds(sigmoids(logits), flat(heldOut), labels);
  // Chosen on probabilities as the logits say them, given on those that the temperature makes of them.
  const cooled = (threshold: number) => 1 / (1 + ((1 - threshold) / threshold) ** (1 / temperature));
  return { temperature, thresholds: Array.from(chosen, cooled) };
}

function usualLabels(targets: Uint8Array, labels: number): Uint8Array {
  const rows = labels === 0 ? 0 : targets.length / labels;
  const counts = Array.from({ length: labels }, (_, label) => ({ label, rows: 0 }));
  targets.forEach((target, at) => {
    (counts[at % labels] as { rows: number }).rows += target;
  });
  const set = new Uint8Array(labels);
  let [best, bestF1] = [set.slice(), 0];
  for (const { label } of counts.sort((a, b) => b.rows - a.rows)) {
    set[label] = 1;
    const always = Uint8Array.from(targets, (_, at) => set[at % labels] as number);
    const { microF1 } = scoreLabels(targets, always, labels);
    if (microF1 > bestF1) [best, bestF1] = [set.slice(), microF1];
  }
  return rows === 0 ? new Uint8Array(labels) : best;
}

function factsOf<File extends LabelFile, Rows extends PlainRows>(
  input: LabelInput<File, Rows>,
  { data, train, fitted, run }: Found<File, LabelRows<Rows>, FittedLabels>,
): TaskFacts {
  const { labels, validation, test } = data;
  const head = labels.length * (input.backbone.config.hiddenSize + 1);
  const strangers = [validation, test].flatMap((file) => {
    const count = file?.unknown.reduce((sum, each) => sum + each, 0) ?? 0;
    return count === 0
      ? []
      : [`Labels of ${file?.name} that no training row has: ${count}; they count as missed.`];
  });
  return {
    labelRows: labels.map((_, label) =>
      train.targets.reduce((sum, target, at) => sum + (at % labels.length === label ? target : 0), 0),
    ),
    truncatedRows: train.truncatedRows,
    settings: { probeC: fitted.probe.C },
    titles: {},
    sizes: { majority: labels.join("").length, linearProbe: 2 * head },
    trainableParameters: head + (run?.prompt.length ?? input.promptNumbers),
    notes: { first: input.notes, last: strangers },
  };
}
