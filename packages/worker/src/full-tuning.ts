import { KilotuneError, type Score } from "@kilotune/contract";
import type { RunResult } from "@kilotune/tuner";
import type { HeldOut } from "./held-out.ts";
import { type LearnContext, learn } from "./learn.ts";
import type { JobProgress } from "./progress.ts";
import type { RowsOf, Task, WholeTuning } from "./task.ts";
import { trainingPace } from "./training-pace.ts";

/** What full fine-tuning reaches on the same rows: a baseline that nothing is published from. */
export interface FullTuning<Rows> {
  /** On the held-out rows; null where a run diverged. */
  readonly heldOut: Score | null;
  /** Learnt from all training rows. */
  readonly run: RunResult;
  readonly learntFrom: Rows;
  /** Of the backbone, all of which is stored for a tenant. */
  readonly weights: number;
  /** Kept of each number while it learns: itself, its gradient, two moments. */
  readonly stateBytes: number;
  readonly seconds: number;
}

/** @throws KilotuneError `not_tunable` where a task has no full fine-tuning */
export function assertWhole<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>({
  whole,
}: Task<File, Rows, Fitted, Outcome>): WholeTuning<Rows, Outcome> {
  if (whole !== undefined) return whole;
  throw new KilotuneError(
    "not_tunable",
    "expected texts of one label each for full fine-tuning, saw another task",
    "Leave --with-full-tuning out.",
    { kind: "usage" },
  );
}

/**
 * Learns all weights on each fold and then on all training rows, with as many epochs as the folds took: as prompts are.
 * @param nameOf what a run's checkpoint is called
 * @throws KilotuneError `not_tunable` where the task has no full fine-tuning, or the backbone is too large for it
 */
export async function tuneFully<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  context: Omit<LearnContext, "pace">,
  progress: JobProgress,
  { train, validation, heldOut }: { train: Rows; validation: Rows | undefined; heldOut: HeldOut<Rows> },
  nameOf: (run: string) => string = (run) => run,
): Promise<FullTuning<Rows>> {
  const whole = assertWhole(task);
  const { epochs } = whole.settings;
  progress.stage("tune", "full fine-tuning, as a baseline");
  const began = progress.clock();
  const planned =
    epochs *
    (heldOut.folds.reduce((sum, fold) => sum + fold.train.count, 0) + (validation ? 0 : train.count));
  const own = { ...context, pace: trainingPace(planned, progress.emit, progress.clock) };
  const tune = (most: number, run: string, rows: Rows, measured?: Rows) =>
    learn(task, own, most, nameOf(run), rows, measured, { whole: true });
  const runs: RunResult[] = [];
  const answers: Outcome[] = [];
  for (const [at, fold] of heldOut.folds.entries()) {
    const run = await tune(epochs, `whole-${at}`, fold.train, fold.heldOut);
    runs.push(run);
    answers.push(...(await whole.answer(run, fold.train, fold.heldOut)));
  }
  const diverged = runs.some(({ end }) => end === "diverged");
  const mean = runs.reduce((sum, { epoch }) => sum + epoch, 0) / Math.max(1, runs.length);
  const chosen = runs.length === 0 || diverged ? epochs : Math.max(1, Math.round(mean));
  const [only] = runs;
  const run = validation && only ? only : await tune(chosen, "whole-final", train);
  const numbers = Object.values(run.head).reduce((sum, { length }) => sum + length, 0);
  return {
    heldOut: diverged || answers.length === 0 ? null : task.score(answers),
    run,
    learntFrom: train,
    weights: await whole.weights(),
    stateBytes: 4 * Float32Array.BYTES_PER_ELEMENT * numbers,
    seconds: (progress.clock() - began) / 1000,
  };
}

/** Told in the report's notes. */
export function fullTuningWords({ run, weights, stateBytes, seconds }: FullTuning<unknown>): string {
  const millions = (value: number) => (value / 1e6).toFixed(1);
  const time = `${seconds.toFixed(0)} s for all its runs, the last of ${run.epoch} epochs`;
  const memory = `${millions(stateBytes)} MB for weights, gradients and moments`;
  const end = run.end === "diverged" ? " Its last run diverged." : "";
  return `Full fine-tuning is a baseline here, nothing is published from it: ${millions(weights)} million weights, ${time}, ${memory} (rows of words that no text has aside).${end}`;
}
