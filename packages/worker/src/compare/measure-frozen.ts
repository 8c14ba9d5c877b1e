import type { ComparedMethod, Score } from "@kilotune/contract";
import {
  chooseNeighbours,
  type LinearSession,
  nearestNeighbours,
  openLinearSession,
  readableName,
  zeroShot,
} from "@kilotune/tuner";
import { type ClassOutcome, outcomesOfClasses } from "../classes/outcome.ts";
import type { PreparedRows } from "../classes/prepare.ts";
import { textClassification } from "../classes/text-classification.ts";
import { crossFoldsOf, spread } from "../cross-validate.ts";
import { groupsOf, holdOut } from "../held-out.ts";
import type { JobHooks, TextJob } from "../job.ts";
import { openTask } from "../open-task.ts";
import { type JobProgress, jobProgress } from "../progress.ts";
import { foldsScore } from "./folds-score.ts";
import type { Kept } from "./kept.ts";

/**
 * What needs no tuning: the labels' names (but of pairs, since a name is one text), and the training rows as examples to
 * compare with.
 */
export async function measureFrozen(job: TextJob, hooks: JobHooks): Promise<Kept> {
  const progress = jobProgress(hooks);
  await using opened = new AsyncDisposableStack();
  const { data, task, train, validation } = await openTask(textClassification(job), progress);
  opened.use(task);
  const crossed = crossFoldsOf(task, job, data, train);
  const { labels } = data;
  const { openGraph, manifest } = job.backbone;
  const linear = await openLinearSession(openGraph, manifest.config.hiddenSize);
  opened.defer(() => linear.release());

  progress.stage("baselines", "reading the labels' names, choosing how many neighbours vote");
  const ways = [
    ...(data.train.pairs === undefined
      ? [await byNames(linear, labels, (names) => task.prepare(names), progress)]
      : []),
    await byNeighbours(linear, train, labels.length, progress),
  ];

  const { folds } = holdOut(train, validation, job.seed, task.holding, groupsOf(job, data));
  progress.stage("evaluate", "answering the test rows");
  const tested = data.test && (await task.prepare(data.test, progress.share("evaluate")));
  const methods: ComparedMethod[] = [];
  for (const { answer, ...way } of ways) {
    const heldOut: ClassOutcome[] = [];
    for (const fold of folds) heldOut.push(...(await answer(fold.train, fold.heldOut)));
    const scores: Score[] = [];
    for (const fold of crossed?.folds ?? [])
      scores.push(task.score(await answer(fold.train, fold.heldOut, { afresh: true })));
    methods.push({
      ...way,
      heldOut: heldOut.length === 0 ? null : task.score(heldOut),
      ...(crossed && { crossValidated: foldsScore(spread(scores)) }),
      test: tested ? task.score(await answer(train, tested)) : null,
      trainableParameters: 0,
      // Nothing that serving could load.
      switchSeconds: null,
    });
  }
  return { methods };
}

interface Way extends Pick<ComparedMethod, "name" | "title" | "sizeBytes" | "seconds"> {
  /** @param choice afresh: what is chosen is chosen by `from`, too, in place of all training rows */
  answer(from: PreparedRows, rows: PreparedRows, choice?: { afresh: true }): Promise<ClassOutcome[]>;
}

/** Nothing is learnt, and no row is looked at but to be answered. */
async function byNames(
  linear: LinearSession,
  labels: readonly string[],
  prepare: (names: LabelledNames) => Promise<PreparedRows>,
  { clock }: JobProgress,
): Promise<Way> {
  const began = clock();
  // A label without a letter stands for itself.
  const texts = labels.map((label) => readableName(label) || label);
  const names = await prepare({
    name: "label names",
    count: texts.length,
    texts,
    labels: Int32Array.from(labels.keys()),
  });
  return {
    name: "zero-shot",
    title: "zero-shot by label names",
    sizeBytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    seconds: (clock() - began) / 1000,
    answer: async (_, rows) => outcomesOfClasses(rows, await zeroShot(linear, names.vectors, rows.vectors)),
  };
}

interface LabelledNames {
  readonly name: string;
  readonly count: number;
  readonly texts: readonly string[];
  readonly labels: Int32Array;
}

/** The rows themselves answer. */
async function byNeighbours(
  linear: LinearSession,
  train: PreparedRows,
  classes: number,
  { clock, watch }: JobProgress,
): Promise<Way> {
  const began = clock();
  const chosenBy = ({ vectors, labels }: PreparedRows) =>
    chooseNeighbours(linear, { vectors, labels, classes });
  const k = await chosenBy(train);
  return {
    name: "few-shot",
    title: `few-shot, ${k === 1 ? "nearest neighbour" : `${k} nearest neighbours`}`,
    // Halves of the vectors of all rows.
    sizeBytes: train.vectors.length * 2,
    seconds: watch.total("read", "prepare") + (clock() - began) / 1000,
    async answer(from, rows, choice) {
      const own = choice?.afresh ? await chosenBy(from) : k;
      const { vectors, labels } = from;
      return outcomesOfClasses(
        rows,
        await nearestNeighbours(linear, vectors, labels, classes, rows.vectors, own),
      );
    },
  };
}
