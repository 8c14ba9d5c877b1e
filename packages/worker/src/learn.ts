import { createHash } from "node:crypto";
import {
  type Checkpoint,
  classMeans,
  type LinearSession,
  type RunResult,
  runTuning,
  type TuneSettings,
  textAccuracy,
  textClassification,
} from "@kilotune/tuner";
import { checkpointFile } from "./checkpoint-files.ts";
import { interrupted } from "./interrupted.ts";
import type { JobHooks, TuneJob } from "./job.ts";
import { NAME_WEIGHT } from "./label-names.ts";
import type { PreparedRows } from "./prepare.ts";
import type { TrainingPace } from "./training-pace.ts";
import { CODE_VERSION } from "./version.ts";

export interface LearnContext {
  readonly job: TuneJob;
  readonly hooks: JobHooks;
  readonly linear: LinearSession;
  readonly classes: number;
  readonly dataSha256: string;
  readonly names: PreparedRows | undefined;
  readonly pace: TrainingPace;
  /** Told of each epoch's end, once it is saved. */
  readonly onEpochEnd?: (run: string, settings: TuneSettings, step: number, checkpoint: Checkpoint) => void;
}

/** One tuning run of a job: with its label names, its checkpoint, its progress, and Ctrl-C. */
export async function learn(
  context: LearnContext,
  settings: TuneSettings,
  run: string,
  train: PreparedRows,
  validation?: PreparedRows,
): Promise<RunResult<"prototypes">> {
  const { job, hooks, linear, classes, names, pace } = context;
  const { backbone } = job;
  const { hiddenSize } = backbone.manifest.config;
  const rows = train.labels.length;
  const all = names === undefined ? train : join(train, names);
  const rowWeights = Float32Array.from(all.labels, (_, row) => (row < rows ? 1 : NAME_WEIGHT));
  const key = runKey(context, settings, run, train, validation);
  const file = checkpointFile(job.checkpoints, run, key, {
    resume: job.resume,
    onUnusable: (words) => hooks.onEvent?.({ kind: "note", words }),
  });
  const stepsPerEpoch = Math.ceil(all.labels.length / settings.batchSize);
  const tracker = pace.begin(run, settings, all.labels.length);
  const data = { store: all.store, labels: all.labels, classes, rowWeights };
  const prototypes = classMeans(all.vectors, all.labels, classes, hiddenSize, rowWeights);
  const result = await runTuning({
    settings,
    task: textClassification(backbone, settings, data, prototypes),
    ...(validation ? { validation: textAccuracy(backbone, settings, linear, validation) } : {}),
    patience: Math.max(3, Math.ceil(settings.epochs / 2)),
    checkpoint: {
      load: file.load,
      async save(checkpoint) {
        await file.save(checkpoint);
        const { epoch, step } = checkpoint.state;
        if (step === 0) context.onEpochEnd?.(run, settings, epoch * stepsPerEpoch, checkpoint);
      },
    },
    onStep: tracker.onStep,
    onEpoch: tracker.onEpoch,
    aborted: () => hooks.signal?.aborted ?? false,
    ...(hooks.clock ? { clock: hooks.clock } : {}),
  });
  if (result.end === "aborted") {
    const epoch = Math.min(result.curve.length + 1, settings.epochs);
    throw interrupted(
      `stopped in epoch ${epoch} of ${settings.epochs}; the checkpoint is in ${job.checkpoints}`,
    );
  }
  return result;
}

/** All that a run depends on: a checkpoint with another key can't be gone on with. */
function runKey(
  { job, dataSha256, names }: LearnContext,
  settings: TuneSettings,
  run: string,
  train: PreparedRows,
  validation: PreparedRows | undefined,
): string {
  const parts = [
    run,
    settings,
    dataSha256,
    job.backbone.manifest.identity,
    CODE_VERSION,
    names !== undefined,
    [...train.labels],
    validation && [...validation.labels],
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function join(rows: PreparedRows, more: PreparedRows): Pick<PreparedRows, "labels" | "store" | "vectors"> {
  const vectors = new Float32Array(rows.vectors.length + more.vectors.length);
  vectors.set(rows.vectors);
  vectors.set(more.vectors, rows.vectors.length);
  return {
    labels: Int32Array.from([...rows.labels, ...more.labels]),
    store: rows.store.concat(more.store),
    vectors,
  };
}
