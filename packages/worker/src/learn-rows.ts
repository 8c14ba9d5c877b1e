import type { Prompt } from "@kilotune/prompt";
import type { LoopSettings, RunResult } from "@kilotune/tuner";
import { epochCheckpoints } from "./epoch-checkpoints.ts";
import type { HeldOut } from "./held-out.ts";
import type { JobHooks, TuneJob } from "./job.ts";
import { type LearnContext, learn } from "./learn.ts";
import type { JobProgress } from "./progress.ts";
import { receiptOf } from "./receipt.ts";
import { divergedForGood, type SelectContext, type Selection, select, TUNED } from "./select.ts";
import type { JobData, RowsOf, Task } from "./task.ts";
import type { TrainingPace } from "./training-pace.ts";

export interface LearnRowsContext<File> {
  readonly job: TuneJob;
  readonly hooks: JobHooks;
  readonly progress: JobProgress;
  readonly data: JobData<File>;
  /** Of all runs of the job. */
  readonly pace: TrainingPace;
}

/** Rows to learn from, with what is known of them. */
export interface RowsToLearn<Rows, Fitted> {
  readonly train: Rows;
  readonly validation: Rows | undefined;
  readonly heldOut: HeldOut<Rows>;
  readonly fitted: Fitted;
}

export interface LearntRows<Rows, Outcome> {
  readonly selection: Selection<Outcome>;
  /** "tuned", or the name of a head. */
  readonly published: string;
  readonly final: RunResult | undefined;
  /** One more run of the same rows, called as it is asked to be. */
  readonly tune: Tune<Rows>;
}

export type Tune<Rows> = (
  epochs: number,
  run: string,
  train: Rows,
  validation?: Rows,
) => ReturnType<typeof learn>;

/**
 * The heart of a job: tunes on a part and measures on the rest, decides, and learns from all rows.
 * @param nameOf what a run's checkpoint is called
 */
export async function learnRows<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  context: LearnRowsContext<File>,
  { train, validation, heldOut, fitted }: RowsToLearn<Rows, Fitted>,
  nameOf: (run: string) => string = (run) => run,
): Promise<LearntRows<Rows, Outcome>> {
  const { settings } = task;
  const { method, publishAsked = false } = context.job;
  const learner = learnerOf(task, context, { train, validation });
  const tune: Tune<Rows> = (epochs, run, ...rows) => learner(epochs, nameOf(run), ...rows);
  const tuneOn: SelectContext<Rows, Fitted>["tuneOn"] = (fold, run) =>
    tune((settings as LoopSettings).epochs, run, fold.train, fold.heldOut);
  const selection = await select(task, { fitted, method, publishAsked, tuneOn }, heldOut);
  const chosen = await learnChosen(settings, context.progress, { train, validation }, selection, tune);
  return { selection, ...chosen, tune };
}

/** Rows times epochs of all runs on some rows, as far as they are known beforehand. */
export function plannedRows<Rows extends RowsOf>(
  settings: LoopSettings | undefined,
  { train, validation, heldOut }: Omit<RowsToLearn<Rows, unknown>, "fitted">,
): number {
  const inFolds = heldOut.folds.reduce((sum, fold) => sum + fold.train.count, 0);
  return (settings?.epochs ?? 0) * (inFolds + (validation ? 0 : train.count));
}

/** All runs of some rows share their checkpoints' key. */
function learnerOf<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  { job, hooks, data, pace }: LearnRowsContext<File>,
  { train, validation }: Pick<RowsToLearn<Rows, Fitted>, "train" | "validation">,
): Tune<Rows> {
  const dataSha256 = data.sha256;
  const context: LearnContext = {
    job,
    hooks,
    dataSha256,
    pace,
    ...epochCheckpoints(task, { job, hooks, dataSha256 }, train.count, validation !== undefined),
  };
  return (epochs, run, rows, measured) => learn(task, context, epochs, run, rows, measured);
}

/** With a validation file the run that chose has learnt from all training rows already; else one more run does. */
async function learnChosen<Rows, Outcome>(
  settings: LoopSettings | undefined,
  progress: JobProgress,
  { train, validation }: Pick<RowsToLearn<Rows, unknown>, "train" | "validation">,
  selection: Selection<Outcome>,
  tune: Tune<Rows>,
): Promise<Pick<LearntRows<Rows, Outcome>, "published" | "final">> {
  if (settings === undefined || selection.publish !== TUNED)
    return { published: selection.publish, final: undefined };
  const final = validation ? selection.run : await tune(selection.epochs, "final", train);
  if (final?.end !== "diverged") return { published: TUNED, final };
  if (selection.betterHead === undefined) throw divergedForGood();
  progress.emit({ kind: "note", words: "the final run diverged; a head is published instead" });
  return { published: selection.betterHead, final: undefined };
}

/** The prompt of what was learnt, rounded to what its file will hold. */
export function publishLearnt<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  { job, data }: Pick<LearnRowsContext<File>, "job" | "data">,
  { train, fitted }: Pick<RowsToLearn<Rows, Fitted>, "train" | "fitted">,
  { selection, published, final }: LearntRows<Rows, Outcome>,
): Prompt | Promise<Prompt> {
  return task.publish({
    kind: published,
    heldOut: selection.outcomes[published] as readonly Outcome[],
    fitted,
    tuned: final,
    receipt: receiptOf(job, data, { epochs: final?.epoch ?? 0, trainRows: train.count }),
  });
}
