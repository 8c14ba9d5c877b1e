import type { LoopSettings } from "@kilotune/tuner";
import { removeCheckpoints } from "./checkpoint-files.ts";
import { epochCheckpoints } from "./epoch-checkpoints.ts";
import { assertWhole, tuneFully } from "./full-tuning.ts";
import type { HeldOut } from "./held-out.ts";
import type { JobHooks, JobResult, TuneJob } from "./job.ts";
import { type LearnContext, learn } from "./learn.ts";
import { type JobFindings, FULL, type Measured, makeReport } from "./make-report.ts";
import { openTask } from "./open-task.ts";
import { planOf } from "./plan-of.ts";
import { type JobProgress, jobProgress } from "./progress.ts";
import { receiptOf } from "./receipt.ts";
import { divergedForGood, type Selection, select, TUNED } from "./select.ts";
import type { JobData, RowsOf, Shown, Task, TaskPlan } from "./task.ts";
import { trainingPace } from "./training-pace.ts";
import { writePrompt } from "./write-prompt.ts";

/**
 * A tuning job from files to a published prompt and its report: read, prepare, select on held-out rows, learn, publish,
 * evaluate. Same job, same bytes of the prompt. Interrupted, it leaves a checkpoint that `resume` goes on from.
 *
 * @throws KilotuneError `invalid_training_file`, `interrupted`, and whatever reading and writing may meet
 */
export function runTuneJob(job: TuneJob, hooks: JobHooks = {}): Promise<JobResult> {
  return planOf(job, hooks, (plan) => runPlan(plan, job, hooks));
}

/** The same of a plan that is given: see `planOf`. */
export async function runPlan<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
  job: TuneJob,
  hooks: JobHooks,
): Promise<JobResult> {
  const progress = jobProgress(hooks);
  const { data, train, validation, ...opened } = await openTask(plan, progress);
  await using task = opened.task;

  if (job.fullTuning) assertWhole(task);
  progress.stage("baselines", "fitting the baselines");
  const fitted = await task.fit(train);

  const { settings } = task;
  progress.stage("tune", settings ? "tuning on a part, measuring on the rest" : "measuring on held-out rows");
  const heldOut = task.holdOut(train, validation);
  const tune = learnerOf({ job, hooks, progress, data, task }, train, validation, heldOut);
  const { method, publishAsked = false } = job;
  const tuneOn: Parameters<typeof select<File, Rows, Fitted, Outcome>>[1]["tuneOn"] = (fold, run) =>
    tune((settings as LoopSettings).epochs, run, fold.train, fold.heldOut);
  const selection = await select(task, { fitted, method, publishAsked, tuneOn }, heldOut);
  const { published, final } = await learnChosen({ settings, progress }, train, validation, selection, tune);

  const full = job.fullTuning
    ? await tuneFully(task, { job, hooks, dataSha256: data.sha256 }, progress, { train, validation, heldOut })
    : undefined;

  progress.stage("publish", "rounding the numbers to what the file holds");
  const prompt = await task.publish({
    kind: published,
    heldOut: selection.outcomes[published] as readonly Outcome[],
    fitted,
    tuned: final,
    receipt: receiptOf(job, data, { epochs: final?.epoch ?? 0, trainRows: train.count }),
  });

  progress.stage("evaluate", "answering the test rows");
  const measured = async (file: File): Promise<Measured<Outcome>> => {
    const rows = await task.prepare(file, progress.share("evaluate"));
    const outcomes = await task.answer(prompt, rows);
    const baselines = Object.entries(await task.answerBaselines(fitted, rows));
    const whole = full && (await task.whole?.answer(full.run, full.learntFrom, rows));
    if (whole !== undefined) baselines.push([FULL, whole]);
    return {
      name: rows.name,
      score: task.score(outcomes),
      baselines: Object.fromEntries(baselines.map(([name, answers]) => [name, task.score(answers)])),
      outcomes,
    };
  };
  const tested = data.test && (await measured(data.test));
  const others = [];
  for (const file of data.otherTests) others.push(await measured(file));

  const heldOutScore = selection.scores[published === TUNED ? method : published];
  const metrics = {
    ...(heldOutScore && heldOutScore.rows > 0 ? { heldOut: heldOutScore } : {}),
    ...(tested ? { test: tested.score } : {}),
  };
  // Without a test file the held-out rows speak, as answered by what hadn't seen them.
  const outcomes = tested?.outcomes ?? (selection.outcomes[published] as readonly Outcome[]);
  const findings = await task.findings(outcomes, prompt);
  const attention = await task.attention?.(prompt, data.test ?? data.validation ?? data.train);
  const stored = await writePrompt(prompt, metrics, job.out);
  await removeCheckpoints(job.checkpoints);
  progress.watch.lap("done");
  return resultOf(
    task,
    task.tokensIn(train),
    {
      job,
      data,
      trainRows: train.count,
      facts: task.facts({ data, train, fitted, run: selection.run ?? final }),
      settings: settings && { ...settings, epochs: selection.epochs },
      selection,
      published,
      final,
      full,
      heldOutSource: heldOut.source,
      stored,
      findings,
      attention,
      tested,
      others,
      timings: progress.watch.laps(),
      createdAt: hooks.createdAt ?? new Date(),
    },
    progress,
  );
}

type Tune<Rows> = (epochs: number, run: string, train: Rows, validation?: Rows) => ReturnType<typeof learn>;

/** All runs of a job share its checkpoints' key and its clock of what is left. */
function learnerOf<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  {
    job,
    hooks,
    progress,
    data,
    task,
  }: {
    readonly job: TuneJob;
    readonly hooks: JobHooks;
    readonly progress: JobProgress;
    readonly data: JobData<File>;
    readonly task: Task<File, Rows, Fitted, Outcome>;
  },
  train: Rows,
  validation: Rows | undefined,
  heldOut: HeldOut<Rows>,
): Tune<Rows> {
  const inFolds = heldOut.folds.reduce((sum, fold) => sum + fold.train.count, 0);
  const inFinal = validation ? 0 : train.count;
  const planned = (task.settings?.epochs ?? 0) * (inFolds + inFinal);
  const dataSha256 = data.sha256;
  const context: LearnContext = {
    job,
    hooks,
    dataSha256,
    pace: trainingPace(planned, progress.emit, progress.clock),
    ...epochCheckpoints(task, { job, hooks, dataSha256 }, train.count, validation !== undefined),
  };
  return (epochs, run, rows, measured) => learn(task, context, epochs, run, rows, measured);
}

/** With a validation file the run that chose has learnt from all training rows already; else one more run does. */
async function learnChosen<Rows, Outcome>(
  { settings, progress }: { readonly settings: LoopSettings | undefined; readonly progress: JobProgress },
  train: Rows,
  validation: Rows | undefined,
  selection: Selection<Outcome>,
  tune: Tune<Rows>,
): Promise<Pick<JobFindings<Outcome>, "published" | "final">> {
  if (settings === undefined || selection.publish !== TUNED)
    return { published: selection.publish, final: undefined };
  const final = validation ? selection.run : await tune(selection.epochs, "final", train);
  if (final?.end !== "diverged") return { published: TUNED, final };
  if (selection.betterHead === undefined) throw divergedForGood();
  progress.emit({ kind: "note", words: "the final run diverged; a head is published instead" });
  return { published: selection.betterHead, final: undefined };
}

function resultOf<Outcome>(
  shown: Shown,
  tokens: number,
  found: JobFindings<Outcome>,
  { watch }: JobProgress,
): JobResult {
  const epochs = found.final?.epoch ?? 0;
  return {
    report: makeReport(shown, found),
    stored: found.stored,
    seconds: {
      prepare: watch.total("read", "prepare", "baselines"),
      tune: watch.total("tune", "publish"),
      evaluate: watch.total("evaluate"),
    },
    epochs,
    trainedTokens: tokens * Math.max(1, epochs),
    ...(found.full && { full: { weights: found.full.weights, seconds: found.full.seconds } }),
  };
}
