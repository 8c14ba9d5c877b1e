import {
  type CrossValidated,
  type CrossValidation,
  isCodedError,
  METHOD_TITLES,
  mainFigure,
  type Score,
} from "@kilotune/contract";
import type { RunResult } from "@kilotune/tuner";
import { tuneFully } from "./full-tuning.ts";
import { type CrossFold, crossFolds, groupsOf, holdOut } from "./held-out.ts";
import type { TuneJob } from "./job.ts";
import { type LearnRowsContext, type LearntRows, learnRows, publishLearnt } from "./learn-rows.ts";
import { FULL, FULL_TITLE } from "./make-report.ts";
import { TUNED } from "./select.ts";
import type { JobData, RowsOf, Task } from "./task.ts";

/** The folds of a job that is to be cross-validated. @throws KilotuneError `too_few_groups` */
export interface CrossFolds<Rows> {
  readonly folds: readonly CrossFold<Rows>[];
  readonly together: Int32Array;
}

export function crossFoldsOf<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  job: TuneJob,
  data: JobData<File>,
  train: Rows,
): CrossFolds<Rows> | undefined {
  if (job.folds === undefined) return undefined;
  const together = data.together();
  return { folds: crossFolds(train, together, job.folds, job.seed, task.holding), together };
}

/**
 * What the job would reach on rows that it hasn't seen: all of it, choices and all, on each fold's other rows. Only what the
 * task makes of all rows at its opening (settings by their number, whether labels' names are learnt along) is the same for all
 * folds. Runs have checkpoints as the job's have: interrupted, finished folds aren't learnt again.
 */
export async function crossValidate<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  context: LearnRowsContext<File>,
  { train, validation }: { readonly train: Rows; readonly validation: Rows | undefined },
  { folds, together }: CrossFolds<Rows>,
): Promise<CrossValidation> {
  const { progress, job } = context;
  const measured: MeasuredFold[] = [];
  for (const [at, fold] of folds.entries()) {
    progress.stage("cross-validation", `cross-validation, fold ${at + 1} of ${folds.length}`);
    const nameOf = (run: string) => `fold-${at}-of-${folds.length}-${run}`;
    measured.push(await measureFold(task, context, fold, validation, nameOf));
  }
  const held = folds.reduce((sum, { heldOut }) => sum + heldOut.count, 0);
  const shown = [
    ...task.baselines.filter(({ name }) => name !== job.method),
    ...(job.fullTuning ? [{ name: FULL, title: FULL_TITLE }] : []),
    { name: job.method, title: METHOD_TITLES[job.method] },
    { name: PUBLISHED, title: "what each fold publishes" },
  ];
  return {
    folds: folds.map(({ heldOut }, at) => ({ rows: heldOut.count, published: measured[at]!.published })),
    alwaysLearnt: train.count - held,
    grouped: inGroups(together),
    candidates: shown.map((each) => ({
      ...each,
      ...spread(measured.map(({ scores }) => scores[each.name] ?? null)),
    })),
  };
}

/** Beside names of methods and baselines. */
const PUBLISHED = "published";

interface MeasuredFold {
  readonly published: string | null;
  readonly scores: Readonly<Record<string, Score>>;
}

async function measureFold<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  context: LearnRowsContext<File>,
  { train, heldOut: unseen, together }: CrossFold<Rows>,
  validation: Rows | undefined,
  nameOf: (run: string) => string,
): Promise<MeasuredFold> {
  const { job, progress } = context;
  const fitted = await task.fit(train);
  const baselines = Object.entries(await task.answerBaselines(fitted, unseen)).map(
    ([name, outcomes]) => [name, task.score(outcomes)] as const,
  );
  const groups = groupsOf(job, { validation: context.data.validation, together: () => together });
  const heldOut = holdOut(train, validation, job.seed, task.holding, groups);
  const learnt = await unlessDiverged(() =>
    learnRows(task, context, { train, validation, heldOut, fitted }, nameOf),
  );
  if (job.fullTuning) {
    const rows = { train, validation, heldOut };
    const { run } = await tuneFully(
      task,
      { ...context, dataSha256: context.data.sha256 },
      progress,
      rows,
      nameOf,
    );
    const whole = run.end === "diverged" ? undefined : await task.whole?.answer(run, train, unseen);
    if (whole !== undefined) baselines.push([FULL, task.score(whole)]);
  }
  if (learnt === undefined) return { published: null, scores: Object.fromEntries(baselines) };
  const { published } = learnt;
  const prompt = await publishLearnt(task, context, { train, fitted }, learnt);
  const score = task.score(await task.answer(prompt, unseen));
  const run = published === TUNED ? undefined : await askedRun(task, learnt, train, validation);
  const asked =
    published === TUNED || task.settings === undefined
      ? score
      : run && task.score(await task.answerRun(run, unseen));
  return {
    published: published === TUNED ? job.method : published,
    scores: { ...Object.fromEntries(baselines), ...(asked && { [job.method]: asked }), [PUBLISHED]: score },
  };
}

/** What was asked for, where a head was better: its figure is of interest all the same. */
async function askedRun<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  { selection, tune }: LearntRows<Rows, Outcome>,
  train: Rows,
  validation: Rows | undefined,
): Promise<RunResult | undefined> {
  if (task.settings === undefined || selection.outcomes[TUNED] === undefined) return undefined;
  const run = validation ? selection.run : await tune(selection.epochs, "final", train);
  return run?.end === "diverged" ? undefined : run;
}

async function unlessDiverged<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await run();
  } catch (error) {
    if (isCodedError(error) && error.code === "diverged") return undefined;
    throw error;
  }
}

/** Of the folds' figures. */
export function spread(scores: readonly (Score | null)[]): Omit<CrossValidated, "name" | "title"> {
  const values = scores.flatMap((score) => (score === null ? [] : [mainFigure(score).value]));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    scores,
    mean,
    deviation: values.length < 2 ? Number.NaN : Math.sqrt(squares / (values.length - 1)),
  };
}

function inGroups(together: Int32Array): number {
  const sizes = new Map<number, number>();
  for (const group of together) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  return together.filter((group) => (sizes.get(group) as number) > 1).length;
}
