import { removeCheckpoints } from "./checkpoint-files.ts";
import { crossFoldsOf, crossValidate } from "./cross-validate.ts";
import { assertWhole, tuneFully } from "./full-tuning.ts";
import { groupsOf, holdOut } from "./held-out.ts";
import type { JobHooks, JobResult, TuneJob } from "./job.ts";
import { learnRows, plannedRows, publishLearnt } from "./learn-rows.ts";
import { FULL, type JobFindings, type Measured, makeReport } from "./make-report.ts";
import { openTask } from "./open-task.ts";
import { planOf } from "./plan-of.ts";
import { type JobProgress, jobProgress } from "./progress.ts";
import { TUNED } from "./select.ts";
import type { RowsOf, Shown, TaskPlan } from "./task.ts";
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
  asked: TuneJob,
  hooks: JobHooks,
): Promise<JobResult> {
  const progress = jobProgress(hooks);
  const { data, train, validation, ...opened } = await openTask(plan, progress);
  await using task = opened.task;
  const groups = groupsOf(asked, data);
  const job: TuneJob = groups === undefined ? asked : { ...asked, together: true };

  if (job.fullTuning) assertWhole(task);
  const inFolds = crossFoldsOf(task, job, data, train);
  progress.stage("baselines", "fitting the baselines");
  const fitted = await task.fit(train);

  const { settings } = task;
  progress.stage("tune", settings ? "tuning on a part, measuring on the rest" : "measuring on held-out rows");
  const heldOut = holdOut(train, validation, job.seed, task.holding, groups);
  const rows = { train, validation, heldOut, fitted };
  // K folds learn from K - 1 parts of K each, and the job itself from all.
  const planned = plannedRows(settings, rows) * (inFolds?.folds.length ?? 1);
  const context = { job, hooks, progress, data, pace: trainingPace(planned, progress.emit, progress.clock) };
  const learnt = await learnRows(task, context, rows);
  const { selection, published, final } = learnt;

  const full = job.fullTuning
    ? await tuneFully(task, { job, hooks, dataSha256: data.sha256 }, progress, { train, validation, heldOut })
    : undefined;
  const crossValidation = inFolds && (await crossValidate(task, context, { train, validation }, inFolds));

  progress.stage("publish", "rounding the numbers to what the file holds");
  const prompt = await publishLearnt(task, context, { train, fitted }, learnt);

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

  const heldOutScore = selection.scores[published === TUNED ? job.method : published];
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
      crossValidation,
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
      evaluate: watch.total("evaluate", "cross-validation"),
    },
    epochs,
    trainedTokens: tokens * Math.max(1, epochs),
    ...(found.full && { full: { weights: found.full.weights, seconds: found.full.seconds } }),
  };
}
