import type { Score } from "@kilotune/contract";
import {
  argmaxRows,
  type Baselines,
  chooseSettings,
  fitBaselines,
  openLinearSession,
  predictBaselines,
  type RunResult,
  scoreOf,
  type TuneSettings,
} from "@kilotune/tuner";
import { answer } from "./answer.ts";
import { removeCheckpoints } from "./checkpoint-files.ts";
import { assess } from "./evaluate.ts";
import { holdOut } from "./held-out.ts";
import type { JobHooks, JobResult, JobStage, TuneJob } from "./job.ts";
import { labelNames } from "./label-names.ts";
import { type LearnContext, learn } from "./learn.ts";
import { makeReport } from "./make-report.ts";
import { openFrozenSessions, type PreparedRows, prepareRows } from "./prepare.ts";
import { type Published, roundedPrompt, writePrompt } from "./publish.ts";
import { readData } from "./read-data.ts";
import { linearHead, meansHead, type PublishedKind, select } from "./select.ts";
import { stopwatch } from "./stopwatch.ts";
import { trainingPace } from "./training-pace.ts";

/**
 * A tuning job from files to a published prompt and its report: read, prepare, select on held-out rows, learn, publish,
 * evaluate. Same job, same bytes of the prompt. Interrupted, it leaves a checkpoint that `resume` goes on from.
 *
 * @throws KilotuneError `invalid_training_file`, `interrupted`, and whatever reading and writing may meet
 */
export async function runTuneJob(job: TuneJob, hooks: JobHooks = {}): Promise<JobResult> {
  const { backbone, method, seed } = job;
  const emit = hooks.onEvent ?? (() => {});
  const clock = hooks.clock ?? (() => performance.now());
  const watch = stopwatch(clock);
  const stage = (name: JobStage, words: string) => {
    watch.lap(name);
    emit({ kind: "stage", stage: name, words });
  };

  stage("read", "reading and checking the data");
  const data = await readData(job, emit);
  const classes = data.labels.length;
  const settings =
    method === "head"
      ? undefined
      : chooseSettings(backbone.manifest, {
          method,
          seed,
          trainRows: data.train.labels.length,
          ...(job.tokens === undefined ? {} : { tokens: job.tokens }),
          ...(job.firstLayer === undefined ? {} : { firstLayer: job.firstLayer }),
          ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
        });
  const firstLayer = settings?.firstLayer ?? Math.floor(backbone.manifest.config.layers / 2);

  stage("prepare", "running the frozen layers once a row");
  const sessions = await openFrozenSessions(backbone, firstLayer);
  const linear = await openLinearSession(backbone.openGraph, backbone.manifest.config.hiddenSize);
  try {
    const train = await prepareRows(backbone, sessions, data.train, (share) =>
      emit({ kind: "progress", stage: "prepare", share }),
    );
    const validation = data.validation && (await prepareRows(backbone, sessions, data.validation));
    const names = settings && (await labelNames(backbone, sessions, linear, data.labels, train));

    stage("baselines", "fitting the baselines");
    const frozen = { vectors: train.vectors, labels: train.labels, classes };
    const baselines = await fitBaselines(linear, frozen, seed);

    stage("tune", settings ? "tuning on a part, measuring on the rest" : "measuring on held-out rows");
    const heldOut = holdOut(train, validation, seed);
    const epochs = settings?.epochs ?? 0;
    const planned = heldOut.folds.reduce((sum, fold) => sum + fold.train.labels.length, 0);
    const pace = trainingPace(epochs * (planned + (validation ? 0 : train.labels.length)), emit, clock);
    const context: LearnContext = { job, hooks, linear, classes, dataSha256: data.sha256, names, pace };
    const selection = await select(
      {
        backbone,
        linear,
        classes,
        seed,
        chosen: baselines,
        method,
        settings,
        tuneOn: (fold, run) => learn(context, settings!, run, fold.train, fold.heldOut),
      },
      heldOut,
    );

    // With a validation file the run that chose has learnt from all training rows already.
    let final: RunResult | undefined;
    let published = selection.publish;
    if (published === "tuned" && settings !== undefined) {
      final = validation
        ? selection.run
        : await learn(context, { ...settings, epochs: selection.epochs }, "final", train);
      if (final?.end === "diverged") {
        emit({ kind: "note", words: "the final run diverged; the linear probe is published instead" });
        published = "linearProbe";
      }
    }

    stage("publish", "rounding the numbers to what the file holds");
    const draft: Published = {
      backbone,
      labels: data.labels,
      storage: job.storage ?? "float16",
      temperature: selection.temperature,
      receipt: { dataSha256: data.sha256, seed, epochs: final?.epoch ?? 0, trainRows: train.labels.length },
      ...chooseNumbers(published, baselines, settings, final),
    };
    const prompt = roundedPrompt(draft);

    stage("evaluate", "answering the test rows");
    const prepareTest = (rows: Parameters<typeof prepareRows>[2]) =>
      prepareRows(backbone, sessions, rows, (share) => emit({ kind: "progress", stage: "evaluate", share }));
    const test = data.test && (await prepareTest(data.test));
    const measure = async (rows: PreparedRows) => {
      const logits = await answer(backbone, linear, prompt, rows);
      const assessed = assess(rows.texts, rows.labels, logits, data.labels, selection.temperature);
      const predicted = await predictBaselines(linear, baselines, frozen, rows.vectors);
      const scores = Object.fromEntries(
        Object.entries(predicted).map(([name, answers]) => [name, scoreOf(rows.labels, answers, classes)]),
      ) as Record<keyof typeof predicted, Score>;
      const own = scoreOf(rows.labels, argmaxRows(logits, classes), classes);
      return { assessed, scores, score: own };
    };
    const tested = test && (await measure(test));
    const others = [];
    for (const rows of data.otherTests)
      others.push({ name: rows.name, ...(await measure(await prepareTest(rows))) });
    // Without a test file the held-out rows speak, as answered by what hadn't seen them.
    const { heldOut: unseen } = selection;
    const assessed =
      tested?.assessed ??
      assess(unseen.texts, unseen.labels, unseen.logits, data.labels, selection.temperature);

    const heldOutScore = selection.scores[published === "tuned" ? method : published];
    const testScore = tested?.score;
    const stored = await writePrompt(
      prompt,
      { ...(heldOutScore ? { heldOut: heldOutScore } : {}), ...(testScore ? { test: testScore } : {}) },
      job.out,
    );
    await removeCheckpoints(job.checkpoints);
    watch.lap("done");

    const report = makeReport({
      job,
      data,
      train,
      baselines,
      settings: settings && { ...settings, epochs: selection.epochs },
      selection,
      published,
      final,
      heldOutSource: heldOut.source,
      usedNames: names !== undefined,
      stored,
      assessed,
      tested,
      testScore,
      others,
      timings: watch.laps(),
      createdAt: hooks.createdAt ?? new Date(),
    });
    const seconds = watch.total;
    return {
      report,
      stored,
      seconds: {
        prepare: seconds("read", "prepare", "baselines"),
        tune: seconds("tune", "publish"),
        evaluate: seconds("evaluate"),
      },
      epochs: final?.epoch ?? 0,
    };
  } finally {
    await sessions.release();
    await linear.release();
  }
}

/** The head, and the prompt where there is one, of what is published. */
function chooseNumbers(
  published: PublishedKind,
  baselines: Baselines,
  settings: TuneSettings | undefined,
  final: RunResult | undefined,
): Pick<Published, "head" | "tuned"> {
  if (published === "tuned" && settings !== undefined && final !== undefined) {
    const head = { kind: "cosine", weight: final.prototypes, scale: 1 / settings.temperature } as const;
    return { head, tuned: { settings: { ...settings, epochs: final.epoch }, data: final.prompt } };
  }
  if (published === "classMean") return { head: meansHead(baselines.classMeans), tuned: undefined };
  return { head: linearHead(baselines.probe), tuned: undefined };
}
