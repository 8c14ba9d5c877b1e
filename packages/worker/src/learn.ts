import { createHash } from "node:crypto";
import type { Checkpoint, LoopSettings, RunResult } from "@kilotune/tuner";
import { checkpointFile } from "./checkpoint-files.ts";
import { interrupted } from "./interrupted.ts";
import type { JobHooks, TuneJob } from "./job.ts";
import { promptFacts } from "./receipt.ts";
import type { BackboneFacts, RowsOf, Run, Task } from "./task.ts";
import type { TrainingPace } from "./training-pace.ts";
import { CODE_VERSION } from "./version.ts";

export interface LearnContext {
  readonly job: TuneJob;
  readonly hooks: JobHooks;
  readonly dataSha256: string;
  readonly pace: TrainingPace;
  /** Told of each epoch's end, once it is saved. */
  readonly onEpochEnd?: (run: string, epochs: number, step: number, checkpoint: Checkpoint) => Promise<void>;
}

/** One tuning run of a job: with its checkpoint, its progress, and Ctrl-C. */
export async function learn<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  context: LearnContext,
  epochs: number,
  run: string,
  train: Rows,
  validation?: Rows,
  {
    settings: candidate,
    until,
    whole = false,
  }: Pick<Run<Rows>, "settings" | "until"> & { whole?: boolean } = {},
): Promise<RunResult> {
  const { job, hooks, pace } = context;
  const settings = {
    ...((whole ? task.whole?.settings : task.settings) as LoopSettings),
    ...candidate,
    epochs,
  };
  const key = runKey(context, settings, run, task.backbone, task.runFacts(train, validation));
  const file = checkpointFile(job.checkpoints, run, key, {
    resume: job.resume,
    onUnusable: (words) => hooks.onEvent?.({ kind: "note", words }),
  });
  const rows = task.learntRows(train);
  const stepsPerEpoch = Math.ceil(rows / settings.batchSize);
  const tracker = pace.begin(run, settings, rows);
  const learner = whole && task.whole ? task.whole : task;
  const result = await learner.learn({
    epochs,
    train,
    validation,
    ...(candidate && { settings: candidate }),
    ...(until === undefined ? {} : { until }),
    patience: Math.max(3, Math.ceil(epochs / 2)),
    checkpoint: {
      load: file.load,
      async save(checkpoint) {
        await file.save(checkpoint);
        const { epoch, step } = checkpoint.state;
        if (step === 0) await context.onEpochEnd?.(run, epochs, epoch * stepsPerEpoch, checkpoint);
      },
    },
    onStep: tracker.onStep,
    onEpoch: tracker.onEpoch,
    aborted: () => hooks.signal?.aborted ?? false,
    ...(hooks.clock ? { clock: hooks.clock } : {}),
  });
  if (result.end === "aborted") {
    const epoch = Math.min(result.curve.length + 1, epochs);
    throw interrupted(`stopped in epoch ${epoch} of ${epochs}; the checkpoint is in ${job.checkpoints}`);
  }
  return result;
}

/** All that a run depends on: a checkpoint with another key can't be gone on with. */
function runKey(
  { dataSha256, job }: LearnContext,
  settings: unknown,
  run: string,
  { identity, precision }: BackboneFacts,
  facts: readonly unknown[],
): string {
  const rounded = precision === "int8" ? [precision] : [];
  const own = promptFacts(job);
  const special = [...(Object.keys(own).length > 0 ? [own] : []), ...(job.together ? ["together"] : [])];
  const parts = [run, settings, dataSha256, identity, CODE_VERSION, ...facts, ...rounded, ...special];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
