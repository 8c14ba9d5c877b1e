import type { CurvePoint } from "@kilotune/contract";
import { type Prng, prng } from "@kilotune/dataset";
import type { OpenGraph } from "@kilotune/engine";
import type { BestEpoch, Checkpoint } from "./checkpoint.ts";
import {
  type OpenReparametrisation,
  openReparametrisation,
  type Reparametrisation,
} from "./reparametrisation.ts";
import type { LoopSettings } from "./settings.ts";
import type { LearningTask, Learnt, Meter, Validation } from "./task.ts";
import { learntOf, type Start, startTuning, type TuneEnd, type TuneHooks, tune } from "./tune.ts";

export interface RunOptions<Name extends string = string> {
  readonly settings: LoopSettings;
  readonly task: LearningTask<Name>;
  /** What a run begins with in place of its site's and its task's own start. Not asked of one that goes on. */
  readonly start?: (random: Prng) => Promise<Start<Name>>;
  /** What the prompt is learnt through, where not by itself. */
  readonly through?: { readonly how: Reparametrisation; readonly openGraph: OpenGraph };
  /** Held-out rows, measured after every epoch: an earlier epoch that was clearly better than the last is the result. */
  readonly validation?: Validation;
  /** Ends the run after this many epochs that were worse than the best by more than one standard error. */
  readonly patience?: number;
  /** Ends here for now, after so many of the settings' epochs: whoever asks again with the checkpoint goes on. */
  readonly until?: number;
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

/** Prompt and head are those of the best epoch, or of the last. */
export interface RunResult<Name extends string = string> extends Learnt<Name> {
  readonly end: TuneEnd;
  /** Epochs that led to it. */
  readonly epoch: number;
  readonly curve: readonly CurvePoint[];
}

/** One run of tuning: opens the graphs, goes on from a checkpoint, measures each epoch, keeps the best. */
export async function runTuning<Name extends string>(options: RunOptions<Name>): Promise<RunResult<Name>> {
  const { settings, task, validation, checkpoint, clock = () => performance.now() } = options;
  const session = await task.open({ dropout: settings.dropout > 0 });
  let meter: Meter | undefined;
  let through: OpenReparametrisation | undefined;
  try {
    const { how, openGraph } = options.through ?? {};
    if (how && openGraph && task.site) through = await openReparametrisation(how, task.site, openGraph);
    meter = await validation?.open();
    const standing = await checkpoint?.load();
    const state =
      standing?.state ??
      startTuning(settings, task, await options.start?.(prng(settings.seed, "prompt")), how);
    const curve: CurvePoint[] = [...(standing?.curve ?? [])];
    let best: BestEpoch | undefined = standing?.best;
    let saved = clock();
    const save = async () => {
      await checkpoint?.save({ state, best, curve });
      saved = clock();
    };

    const isOutOfPatience = () => epochsBelow(curve, best, validation) >= (options.patience ?? Infinity);
    const isFarEnough = (epoch: number) => epoch >= (options.until ?? Infinity);
    const hooks: TuneHooks = {
      ...(options.onStep ? { onStep: options.onStep } : {}),
      ...(options.aborted ? { aborted: options.aborted } : {}),
      checkpoint: async () => {
        if (clock() - saved > CHECKPOINT_EVERY_MS) await save();
      },
      onEpoch: async ({ epoch, loss, learningRate }) => {
        const score = await meter?.measure(learntOf(state));
        const point = { epoch, loss, validationAccuracy: score ?? null, learningRate };
        curve.push(point);
        options.onEpoch?.(point);
        if (score !== undefined && score >= (best?.score ?? Number.NEGATIVE_INFINITY))
          best = { epoch, score, ...structuredClone(learntOf(state)) };
        await save();
        return isOutOfPatience() || isFarEnough(epoch) ? "stop" : undefined;
      },
    };
    // A checkpoint may be that of a run which had stopped: it must not go on where the first one didn't.
    const isOver = isOutOfPatience() || isFarEnough(state.epoch);
    const end = isOver ? "stopped" : await tune(settings, task, session, state, hooks, through);
    if (end === "aborted") await save();
    // The rate falls to zero, so the last epoch is the best one but for noise: an earlier one must beat it by more.
    const last = { epoch: state.epoch, ...learntOf(state) };
    const chosen = best !== undefined && epochsBelow(curve, best, validation) > 0 ? best : last;
    const { prompt, epoch } = chosen;
    return { end, prompt, head: chosen.head as Learnt<Name>["head"], epoch, curve };
  } finally {
    await Promise.all([session.release(), meter?.release(), through?.release()]);
  }
}

/** A kill -9 loses this much work at the most. */
const CHECKPOINT_EVERY_MS = 10_000;

/** How many epochs in a row, up to the last, were worse than the best by more than one standard error of its score. */
function epochsBelow(
  curve: readonly CurvePoint[],
  best: BestEpoch | undefined,
  validation: Validation | undefined,
): number {
  if (best === undefined || validation === undefined) return 0;
  const bar = best.score - validation.standardError(best.score);
  const lastGood = curve.findLastIndex((point) => (point.validationAccuracy ?? 0) >= bar);
  return curve.length - 1 - lastGood;
}
