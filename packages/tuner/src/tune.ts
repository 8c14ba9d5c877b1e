import { type PrngState, prng, resumePrng } from "@kilotune/dataset";
import type { Session } from "@kilotune/engine";
import { batchGradients } from "./batch-gradients.ts";
import { lengthBatches } from "./data/batches.ts";
import { DropoutMasks } from "./dropout-masks.ts";
import { type AdamWState, initAdamW, updateAdamW } from "./optimizer/adamw.ts";
import { clipByGlobalNorm } from "./optimizer/clip.ts";
import { warmupCosine } from "./optimizer/schedule.ts";
import { type OpenReparametrisation, type Reparametrisation, startFactors } from "./reparametrisation.ts";
import type { LoopSettings } from "./settings.ts";
import type { LearningTask, Learnt } from "./task.ts";

/** Everything that changes while tuning: a checkpoint is this, and nothing else. */
export interface TuneState {
  epoch: number;
  /** Steps done within the epoch. */
  step: number;
  lossSum: number;
  /** Of no numbers where the head learns alone. */
  readonly prompt: Trained;
  /** What the prompt is made of, and what is learnt in its place. */
  readonly factors?: Factors;
  readonly head: Readonly<Record<string, Trained>>;
  /** Draws an epoch's batches; as it was when the epoch began. */
  batchRandom: PrngState;
  dropoutRandom: PrngState;
}

/** A tensor that is learnt, flat, and its optimiser's state. */
export interface Trained {
  readonly values: Float32Array;
  readonly moments: AdamWState;
}

export interface Factors extends Trained {
  /** Where the prompt began. */
  readonly start: Float32Array;
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

/** What a run begins with: the prompt, flat, and the head as a task has it, the run's task where left out. */
export interface Start<Name extends string = string> extends Partial<Pick<LearningTask<Name>, "head">> {
  readonly prompt: Float32Array;
}

/**
 * @param start in place of the site's and the task's own
 * @param through what the prompt is learnt through
 */
export function startTuning(
  { seed }: Pick<LoopSettings, "seed">,
  task: LearningTask,
  start?: Start,
  through?: Reparametrisation,
): TuneState {
  const trained = (values: Float32Array): Trained => ({ values, moments: initAdamW(values.length) });
  const head = Object.entries(start?.head ?? task.head).map(([name, { data }]) => [
    name,
    trained((data as Float32Array).slice()),
  ]);
  const prompt = start?.prompt ?? task.site?.start(prng(seed, "prompt")) ?? new Float32Array();
  return {
    epoch: 0,
    step: 0,
    lossSum: 0,
    prompt: trained(prompt),
    ...(through &&
      task.site && {
        factors: {
          ...trained(startFactors(through, task.site, prng(seed, "factors"))),
          start: prompt.slice(),
        },
      }),
    head: Object.fromEntries(head),
    batchRandom: prng(seed, "batches").state,
    dropoutRandom: prng(seed, "dropout").state,
  };
}

/** Views of the numbers as they stand; they go on changing. */
export function learntOf({ prompt, head }: Pick<TuneState, "prompt" | "head">): Learnt {
  const values = Object.entries(head).map(([name, each]) => [name, each.values]);
  return { prompt: prompt.values, head: Object.fromEntries(values) };
}

/**
 * Tunes from `state` to the end, changing it in place. `session` is as the task opens it; `through` is wanted where the
 * state has factors.
 * Same settings, task and state: same bytes.
 */
export async function tune(
  settings: LoopSettings,
  task: LearningTask,
  session: Session,
  state: TuneState,
  hooks: TuneHooks = {},
  through?: OpenReparametrisation,
): Promise<TuneEnd> {
  const masks = settings.dropout > 0 ? new DropoutMasks(settings.dropout, settings.seed) : undefined;
  const context = { task, session, masks };
  const learnt = learntOf(state);
  const names = Object.keys(task.head);
  const dropoutRandom = resumePrng(state.dropoutRandom);
  const { lengths } = task.rows;
  const stepsPerEpoch = Math.ceil(lengths.length / settings.batchSize);
  const totalSteps = settings.epochs * stepsPerEpoch;
  while (state.epoch < settings.epochs) {
    const batchRandom = resumePrng(state.batchRandom);
    const batches = lengthBatches(lengths, settings.batchSize, batchRandom);
    const stepsBefore = state.epoch * stepsPerEpoch;
    const factorAt = (step: number) => warmupCosine(stepsBefore + step, totalSteps, settings.warmup);
    while (state.step < batches.length) {
      const batch = batches[state.step] as number[];
      const factor = factorAt(state.step);
      const learningRate = settings.promptLearningRate * factor;
      const { loss, prompt, head } = await batchGradients(context, learnt, batch, state.epoch, dropoutRandom);
      const heads = names.map((name) => head[name] as Float32Array);
      const learning = learningOf(state, through);
      const gradient = await learning.gradient(prompt);
      const norm = clipByGlobalNorm([gradient, ...heads], settings.clipNorm);
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) return "diverged";
      update(learning.trained, gradient, learningRate);
      await learning.updated();
      names.forEach((name, at) => {
        const rate = task.atPromptRate?.(name) ? learningRate : settings.headLearningRate * factor;
        update(state.head[name] as Trained, heads[at] as Float32Array, rate);
      });
      state.step++;
      state.lossSum += loss * batch.length;
      state.dropoutRandom = dropoutRandom.state;
      const share = (stepsBefore + state.step) / totalSteps;
      hooks.onStep?.({ epoch: state.epoch, share, loss, learningRate });
      if (hooks.aborted?.()) return "aborted";
      await hooks.checkpoint?.();
    }
    const loss = state.lossSum / lengths.length;
    const learningRate = settings.promptLearningRate * factorAt(batches.length - 1);
    state.epoch++;
    state.step = 0;
    state.lossSum = 0;
    state.batchRandom = batchRandom.state;
    if ((await hooks.onEpoch?.({ epoch: state.epoch, loss, learningRate })) === "stop") return "stopped";
  }
  return "done";
}

/** What of the prompt learns: itself, or the factors that it is made of. */
function learningOf(
  { prompt, factors }: TuneState,
  through: OpenReparametrisation | undefined,
): {
  readonly trained: Trained;
  gradient(ofPrompt: Float32Array): Float32Array | Promise<Float32Array>;
  updated(): Promise<void>;
} {
  if (factors === undefined || through === undefined)
    return { trained: prompt, gradient: (ofPrompt) => ofPrompt, updated: async () => {} };
  const { values, start } = factors;
  return {
    trained: factors,
    gradient: (ofPrompt) => through.gradient(values, start, ofPrompt),
    // Whoever reads the state finds the prompt itself.
    updated: async () => prompt.values.set(await through.prompt(values, start)),
  };
}

function update({ values, moments }: Trained, gradient: Float32Array, learningRate: number): void {
  updateAdamW(moments, values, gradient, learningRate);
}
