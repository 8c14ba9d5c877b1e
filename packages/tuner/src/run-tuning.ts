import type { Backbone } from "@kilotune/backbone";
import type { CurvePoint } from "@kilotune/contract";
import type { Session } from "@kilotune/engine";
import type { BestEpoch, Checkpoint } from "./checkpoint.ts";
import type { HiddenStore } from "./data/hidden-store.ts";
import { embed } from "./embed.ts";
import { normalizeRows } from "./head/class-means.ts";
import type { LinearSession } from "./head/linear-session.ts";
import { argmaxRows } from "./measure/argmax.ts";
import { countRight } from "./measure/count-right.ts";
import { promptFeed, promptSite } from "./prompt-site.ts";
import type { TuneSettings } from "./settings.ts";
import { startTuning, type TuneData, type TuneEnd, type TuneHooks, tune } from "./tune.ts";

export interface RunOptions {
  readonly settings: TuneSettings;
  readonly backbone: Backbone;
  readonly linear: LinearSession;
  readonly data: TuneData;
  /** Where the head starts: class means of the frozen vectors. [classes, H] flat */
  readonly prototypes: Float32Array;
  /** Held-out rows, measured after every epoch: an earlier epoch that was clearly better than the last is the result. */
  readonly validation?: { readonly store: HiddenStore; readonly labels: Int32Array };
  /** Ends the run after this many epochs that were worse than the best by more than one standard error. */
  readonly patience?: number;
  readonly checkpoint?: {
    load(): Promise<Checkpoint | undefined>;
    save(checkpoint: Checkpoint): Promise<void>;
  };
  readonly onStep?: TuneHooks["onStep"];
  readonly onEpoch?: (point: CurvePoint) => void;
  readonly aborted?: () => boolean;
  /** Milliseconds; decides only when the next checkpoint is due. */
  readonly clock?: () => number;
}

export interface RunResult {
  readonly end: TuneEnd;
  /** Of the best epoch, or of the last. */
  readonly prompt: Float32Array;
  readonly prototypes: Float32Array;
  /** Epochs that led to it. */
  readonly epoch: number;
  readonly curve: readonly CurvePoint[];
}

/** One run of tuning: opens the graphs, goes on from a checkpoint, measures each epoch, keeps the best. */
export async function runTuning(options: RunOptions): Promise<RunResult> {
  const { settings, backbone, data, validation, checkpoint, clock = () => performance.now() } = options;
  const site = promptSite(settings, backbone.manifest);
  const session = await backbone.open({ kind: "tune", site: site.site, dropout: settings.dropout > 0 });
  let upper: Session | undefined;
  try {
    if (validation) upper = await backbone.open({ kind: "upper", site: site.site });
    const standing = await checkpoint?.load();
    const state = standing?.state ?? startTuning(settings, backbone, options.prototypes);
    const curve: CurvePoint[] = [...(standing?.curve ?? [])];
    let best: BestEpoch | undefined = standing?.best;
    let saved = clock();
    const save = async () => {
      await checkpoint?.save({ state, best, curve });
      saved = clock();
    };

    const heldOutRows = validation?.labels.length ?? 0;
    const isOutOfPatience = () => epochsBelow(curve, best, heldOutRows) >= (options.patience ?? Infinity);
    const hooks: TuneHooks = {
      ...(options.onStep ? { onStep: options.onStep } : {}),
      ...(options.aborted ? { aborted: options.aborted } : {}),
      checkpoint: async () => {
        if (clock() - saved > CHECKPOINT_EVERY_MS) await save();
      },
      onEpoch: async ({ epoch, loss, learningRate }) => {
        const accuracy =
          validation && upper && (await measure(options, upper, validation, state.prompt, state.prototypes));
        const point = { epoch, loss, validationAccuracy: accuracy ?? null, learningRate };
        curve.push(point);
        options.onEpoch?.(point);
        if (accuracy !== undefined && accuracy >= (best?.accuracy ?? 0)) {
          best = { epoch, accuracy, prompt: state.prompt.slice(), prototypes: state.prototypes.slice() };
        }
        await save();
        return isOutOfPatience() ? "stop" : undefined;
      },
    };
    // A checkpoint may be that of a run which had stopped: it must not go on where the first one didn't.
    const end = isOutOfPatience() ? "stopped" : await tune(settings, backbone, session, data, state, hooks);
    if (end === "aborted") await save();
    // The rate falls to zero, so the last epoch is the best one but for noise: an earlier one must beat it by more.
    const last = { epoch: state.epoch, prompt: state.prompt, prototypes: state.prototypes };
    const chosen = best !== undefined && epochsBelow(curve, best, heldOutRows) > 0 ? best : last;
    return { end, prompt: chosen.prompt, prototypes: chosen.prototypes, epoch: chosen.epoch, curve };
  } finally {
    await Promise.all([session.release(), upper?.release()]);
  }
}

/** A kill -9 loses this much work at the most. */
const CHECKPOINT_EVERY_MS = 10_000;

/** How many epochs in a row, up to the last, were worse than the best by more than one standard error of its accuracy. */
function epochsBelow(curve: readonly CurvePoint[], best: BestEpoch | undefined, rows: number): number {
  if (best === undefined || rows === 0) return 0;
  const { accuracy } = best;
  const bar = accuracy - Math.sqrt((accuracy * (1 - accuracy)) / rows);
  const lastGood = curve.findLastIndex((point) => (point.validationAccuracy ?? 0) >= bar);
  return curve.length - 1 - lastGood;
}

async function measure(
  { settings, backbone, linear, data }: RunOptions,
  upper: Session,
  validation: NonNullable<RunOptions["validation"]>,
  prompt: Float32Array,
  prototypes: Float32Array,
): Promise<number> {
  const { hiddenSize } = backbone.manifest.config;
  const vectors = await embed(
    upper,
    validation.store,
    hiddenSize,
    promptFeed(promptSite(settings, backbone.manifest), prompt),
  );
  const head = normalizeRows(prototypes.slice(), hiddenSize);
  const predicted = argmaxRows(
    await linear.logits(vectors, head, new Float32Array(data.classes)),
    data.classes,
  );
  return countRight(validation.labels, predicted) / Math.max(1, validation.labels.length);
}
