import { defaultFirstLayer } from "@kilotune/backbone";
import {
  chooseSettings,
  type FrozenRows,
  fitBaselines,
  fitTemperature,
  type TuneSettings,
} from "@kilotune/tuner";
import { removeCheckpoints } from "./checkpoint-files.ts";
import { epochCheckpoints } from "./epoch-checkpoints.ts";
import { assess } from "./evaluate.ts";
import { type HeldOut, holdOut } from "./held-out.ts";
import type { JobHooks, JobResult, TuneJob } from "./job.ts";
import { labelNames } from "./label-names.ts";
import { type LearnContext, learn } from "./learn.ts";
import { type JobFindings, makeReport } from "./make-report.ts";
import { measure } from "./measure.ts";
import { type FrozenSessions, openFrozenSessions, type PreparedRows, prepareRows } from "./prepare.ts";
import { type JobProgress, jobProgress } from "./progress.ts";
import { type ChosenNumbers, chooseNumbers, roundedPrompt, writePrompt } from "./publish.ts";
import { type JobData, readData } from "./read-data.ts";
import { type Selection, select } from "./select.ts";
import { sharedSessions } from "./shared-sessions.ts";
import { trainingPace } from "./training-pace.ts";

/**
 * A tuning job from files to a published prompt and its report: read, prepare, select on held-out rows, learn, publish,
 * evaluate. Same job, same bytes of the prompt. Interrupted, it leaves a checkpoint that `resume` goes on from.
 *
 * @throws KilotuneError `invalid_training_file`, `interrupted`, and whatever reading and writing may meet
 */
export async function runTuneJob(asked: TuneJob, hooks: JobHooks = {}): Promise<JobResult> {
  await using backbone = sharedSessions(asked.backbone);
  const job = { ...asked, backbone };
  const progress = jobProgress(hooks);
  progress.stage("read", "reading and checking the data");
  const data = await readData(job, progress.emit);
  const settings = settingsOf(job, data);

  progress.stage("prepare", "running the frozen layers once a row");
  const { layers } = job.backbone.manifest.config;
  const sessions = await openFrozenSessions(job.backbone, settings?.firstLayer ?? defaultFirstLayer(layers));
  try {
    const context: Context = { job, hooks, progress, data, settings, sessions };
    const rows = await prepareTraining(context);

    progress.stage("baselines", "fitting the baselines");
    const { vectors, labels } = rows.train;
    const frozen: FrozenRows = { vectors, labels, classes: data.labels.length };
    const fitted = { frozen, baselines: await fitBaselines(sessions.linear, frozen, job.seed) };

    progress.stage(
      "tune",
      settings ? "tuning on a part, measuring on the rest" : "measuring on held-out rows",
    );
    const heldOut = holdOut(rows.train, rows.validation, job.seed);
    const tune = learnerOf(context, rows, heldOut);
    const selection = await selectOn(context, heldOut, fitted.baselines, tune);
    const { published, final } = await learnChosen(context, rows, selection, tune);

    progress.stage("publish", "rounding the numbers to what the file holds");
    const numbers = chooseNumbers(published, fitted.baselines, settings, final);
    const prompt = promptOf(context, rows.train, selection, numbers);

    progress.stage("evaluate", "answering the test rows");
    const measured = async (texts: JobData["train"]) => {
      const prepared = await prepareRows(job.backbone, sessions, texts, progress.share("evaluate"));
      return measure(job.backbone, sessions, prompt, fitted, prepared);
    };
    const tested = data.test && (await measured(data.test));
    const others = [];
    for (const texts of data.otherTests) others.push(await measured(texts));

    const heldOutScore = selection.scores[published === "tuned" ? job.method : published];
    const metrics = {
      ...(heldOutScore && heldOutScore.rows > 0 ? { heldOut: heldOutScore } : {}),
      ...(tested ? { test: tested.score } : {}),
    };
    const stored = await writePrompt(prompt, metrics, job.out);
    await removeCheckpoints(job.checkpoints);
    progress.watch.lap("done");
    return resultOf(
      {
        job,
        data,
        train: rows.train,
        baselines: fitted.baselines,
        settings: settings && { ...settings, epochs: selection.epochs },
        selection,
        published,
        final,
        heldOutSource: heldOut.source,
        usedNames: rows.names !== undefined,
        stored,
        assessed:
          tested?.assessed ??
          assessHeldOut(data, selection, prompt.manifest.calibration.temperature, published),
        tested,
        others,
        timings: progress.watch.laps(),
        createdAt: hooks.createdAt ?? new Date(),
      },
      progress,
    );
  } finally {
    await sessions.release();
  }
}

interface Context {
  readonly job: TuneJob;
  readonly hooks: JobHooks;
  readonly progress: JobProgress;
  readonly data: JobData;
  /** undefined for the method `head`, which learns no prompt. */
  readonly settings: TuneSettings | undefined;
  readonly sessions: FrozenSessions;
}

function settingsOf(job: TuneJob, data: JobData): TuneSettings | undefined {
  if (job.method === "head") return undefined;
  return chooseSettings(job.backbone.manifest, {
    method: job.method,
    seed: job.seed,
    trainRows: data.train.labels.length,
    ...(job.tokens === undefined ? {} : { tokens: job.tokens }),
    ...(job.firstLayer === undefined ? {} : { firstLayer: job.firstLayer }),
    ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
  });
}

interface TrainingRows {
  readonly train: PreparedRows;
  readonly validation: PreparedRows | undefined;
  /** The labels' own words, where they help. */
  readonly names: PreparedRows | undefined;
}

async function prepareTraining({ job, data, settings, sessions, progress }: Context): Promise<TrainingRows> {
  const { backbone } = job;
  const train = await prepareRows(backbone, sessions, data.train, progress.share("prepare"));
  const validation = data.validation && (await prepareRows(backbone, sessions, data.validation));
  const names = settings && (await labelNames(backbone, sessions, data.labels, train));
  return { train, validation, names };
}

type Tune = (
  settings: TuneSettings,
  run: string,
  train: PreparedRows,
  validation?: PreparedRows,
) => ReturnType<typeof learn>;

/** All runs of a job share its names, its checkpoints' key and its clock of what is left. */
function learnerOf(
  { job, hooks, progress, data, settings, sessions }: Context,
  rows: TrainingRows,
  heldOut: HeldOut,
): Tune {
  const inFolds = heldOut.folds.reduce((sum, fold) => sum + fold.train.labels.length, 0);
  const inFinal = rows.validation ? 0 : rows.train.labels.length;
  const planned = (settings?.epochs ?? 0) * (inFolds + inFinal);
  const context: LearnContext = {
    job,
    hooks,
    linear: sessions.linear,
    classes: data.labels.length,
    dataSha256: data.sha256,
    names: rows.names,
    pace: trainingPace(planned, progress.emit, progress.clock),
    ...epochCheckpoints({ job, hooks, data }, rows.train.labels.length, rows.validation !== undefined),
  };
  return (own, run, train, validation) => learn(context, own, run, train, validation);
}

function selectOn(
  { job, data, settings, sessions }: Context,
  heldOut: HeldOut,
  chosen: { readonly C: number; readonly k: number },
  tune: Tune,
): Promise<Selection> {
  const { backbone, method, seed } = job;
  const { linear } = sessions;
  const tuning = settings && {
    settings,
    tuneOn: (fold: HeldOut["folds"][number], run: string) => tune(settings, run, fold.train, fold.heldOut),
  };
  return select({ backbone, linear, classes: data.labels.length, seed, chosen, method, tuning }, heldOut);
}

/** With a validation file the run that chose has learnt from all training rows already; else one more run does. */
async function learnChosen(
  { settings, progress }: Context,
  { train, validation }: TrainingRows,
  selection: Selection,
  tune: Tune,
): Promise<Pick<JobFindings, "published" | "final">> {
  if (settings === undefined || selection.publish !== "tuned")
    return { published: selection.publish, final: undefined };
  const final = validation
    ? selection.run
    : await tune({ ...settings, epochs: selection.epochs }, "final", train);
  if (final?.end !== "diverged") return { published: "tuned", final };
  progress.emit({ kind: "note", words: "the final run diverged; a head is published instead" });
  return { published: selection.betterHead, final: undefined };
}

function promptOf({ job, data }: Context, train: PreparedRows, selection: Selection, numbers: ChosenNumbers) {
  const { labels, logits } = selection.heldOut;
  return roundedPrompt({
    backbone: job.backbone,
    labels: data.labels,
    storage: job.storage ?? "float16",
    temperature: fitTemperature(logits[numbers.kind] as Float32Array, labels, data.labels.length),
    receipt: {
      dataSha256: data.sha256,
      seed: job.seed,
      epochs: numbers.tuned?.settings.epochs ?? 0,
      trainRows: train.labels.length,
    },
    ...numbers,
  });
}

/** Without a test file the held-out rows speak, as answered by what hadn't seen them. */
function assessHeldOut(
  data: JobData,
  { heldOut }: Selection,
  temperature: number,
  published: JobFindings["published"],
) {
  const logits = heldOut.logits[published] as Float32Array;
  return assess(heldOut.texts, heldOut.labels, logits, data.labels, temperature);
}

function resultOf(found: JobFindings, { watch }: JobProgress): JobResult {
  return {
    report: makeReport(found),
    stored: found.stored,
    seconds: {
      prepare: watch.total("read", "prepare", "baselines"),
      tune: watch.total("tune", "publish"),
      evaluate: watch.total("evaluate"),
    },
    epochs: found.final?.epoch ?? 0,
    trainedTokens: tokensIn(found.train) * Math.max(1, found.final?.epoch ?? 0),
  };
}

function tokensIn({ store }: PreparedRows): number {
  return store.lengths.reduce((sum, length) => sum + length, 0);
}
