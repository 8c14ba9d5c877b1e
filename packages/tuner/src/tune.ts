import type { Backbone } from "@kilotune/backbone";
import { type PrngState, prng, resumePrng } from "@kilotune/dataset";
import type { Session } from "@kilotune/engine";
import { batchGradients } from "./batch-gradients.ts";
import { lengthBatches } from "./data/batches.ts";
import type { HiddenStore } from "./data/hidden-store.ts";
import { DropoutMasks } from "./dropout-masks.ts";
import { type AdamWState, initAdamW, updateAdamW } from "./optimizer/adamw.ts";
import { clipByGlobalNorm } from "./optimizer/clip.ts";
import { warmupCosine } from "./optimizer/schedule.ts";
import { promptSite } from "./prompt-site.ts";
import type { TuneSettings } from "./settings.ts";

/** Everything that changes while tuning: a checkpoint is this, and nothing else. */
export interface TuneState {
  epoch: number;
  /** Steps done within the epoch. */
  step: number;
  lossSum: number;
  readonly prompt: Float32Array;
  /** [classes, H] flat */
  readonly prototypes: Float32Array;
  readonly promptMoments: AdamWState;
  readonly prototypeMoments: AdamWState;
  /** Draws an epoch's batches; as it was when the epoch began. */
  batchRandom: PrngState;
  dropoutRandom: PrngState;
}

export interface TuneData {
  readonly store: HiddenStore;
  /** Class of each row. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Weight of each row; 1 where left out. */
  readonly rowWeights?: Float32Array;
}

export interface TuneHooks {
  /** After each step; share is of the whole run, 0..1. */
  onStep?(progress: { epoch: number; share: number; loss: number; learningRate: number }): void;
  /** After each epoch. Return "stop" to end the run here. */
  onEpoch?(end: { epoch: number; loss: number; learningRate: number }): Promise<"stop" | undefined>;
  /** After each step: whether to stop right now (Ctrl-C), keeping the state for a later resume. */
  aborted?(): boolean;
  /** After each step: a moment at which the state may be saved. */
  checkpoint?(): Promise<void>;
}

export type TuneEnd = "done" | "stopped" | "aborted" | "diverged";

export function startTuning(settings: TuneSettings, backbone: Backbone, prototypes: Float32Array): TuneState {
  const prompt = promptSite(settings, backbone.manifest).start(prng(settings.seed, "prompt"));
  return {
    epoch: 0,
    step: 0,
    lossSum: 0,
    prompt,
    prototypes: prototypes.slice(),
    promptMoments: initAdamW(prompt.length),
    prototypeMoments: initAdamW(prototypes.length),
    batchRandom: prng(settings.seed, "batches").state,
    dropoutRandom: prng(settings.seed, "dropout").state,
  };
}

/**
 * Tunes from `state` to the end, changing it in place. `session` is the backbone's `tune` graph for the settings' site.
 * Same settings, data and state: same bytes.
 */
export async function tune(
  settings: TuneSettings,
  backbone: Backbone,
  session: Session,
  data: TuneData,
  state: TuneState,
  hooks: TuneHooks = {},
): Promise<TuneEnd> {
  const site = promptSite(settings, backbone.manifest);
  const masks = settings.dropout > 0 ? new DropoutMasks(settings.dropout, settings.seed) : undefined;
  const context = { settings, site, backbone, session, data, masks };
  const dropoutRandom = resumePrng(state.dropoutRandom);
  const stepsPerEpoch = Math.ceil(data.labels.length / settings.batchSize);
  const totalSteps = settings.epochs * stepsPerEpoch;
  while (state.epoch < settings.epochs) {
    const batchRandom = resumePrng(state.batchRandom);
    const batches = lengthBatches(data.store.lengths, settings.batchSize, batchRandom);
    const stepsBefore = state.epoch * stepsPerEpoch;
    const factorAt = (step: number) => warmupCosine(stepsBefore + step, totalSteps, settings.warmup);
    while (state.step < batches.length) {
      const batch = batches[state.step] as number[];
      const factor = factorAt(state.step);
      const learningRate = settings.promptLearningRate * factor;
      const { loss, prompt, prototypes } = await batchGradients(context, state, batch, dropoutRandom);
      const norm = clipByGlobalNorm([prompt, prototypes], settings.clipNorm);
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) return "diverged";
      updateAdamW(state.promptMoments, state.prompt, prompt, learningRate);
      updateAdamW(state.prototypeMoments, state.prototypes, prototypes, settings.headLearningRate * factor);
      state.step++;
      state.lossSum += loss * batch.length;
      state.dropoutRandom = dropoutRandom.state;
      const share = (stepsBefore + state.step) / totalSteps;
      hooks.onStep?.({ epoch: state.epoch, share, loss, learningRate });
      if (hooks.aborted?.()) return "aborted";
      await hooks.checkpoint?.();
    }
    const loss = state.lossSum / data.labels.length;
    const learningRate = settings.promptLearningRate * factorAt(batches.length - 1);
    state.epoch++;
    state.step = 0;
    state.lossSum = 0;
    state.batchRandom = batchRandom.state;
    if ((await hooks.onEpoch?.({ epoch: state.epoch, loss, learningRate })) === "stop") return "stopped";
  }
  return "done";
}
