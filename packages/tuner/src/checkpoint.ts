import {
  assertFinite,
  EngineError,
  float32,
  readSafetensors,
  type Tensor,
  writeSafetensors,
} from "@kilotune/engine";
import type { CurvePoint } from "@kilotune/contract";
import type { AdamWState } from "./optimizer/adamw.ts";
import type { TuneState } from "./tune.ts";

/** A run as it stands between two steps: everything that the rest of it depends on. */
export interface Checkpoint {
  readonly state: TuneState;
  readonly best: BestEpoch | undefined;
  readonly curve: readonly CurvePoint[];
}

/** The epoch with the highest validation accuracy, the later of equals. */
export interface BestEpoch {
  readonly epoch: number;
  readonly accuracy: number;
  readonly prompt: Float32Array;
  readonly prototypes: Float32Array;
}

/**
 * @param key names the job: settings, data, backbone, code. A checkpoint of another job is never gone on with.
 */
export function encodeCheckpoint({ state, best, curve }: Checkpoint, key: string): Uint8Array {
  const tensors = new Map<string, Tensor>([
    ...momentTensors("prompt", state.prompt, state.promptMoments),
    ...momentTensors("prototypes", state.prototypes, state.prototypeMoments),
  ]);
  if (best !== undefined) {
    tensors.set("best.prompt", vector(best.prompt));
    tensors.set("best.prototypes", vector(best.prototypes));
  }
  const { epoch, step, lossSum, batchRandom, dropoutRandom, promptMoments, prototypeMoments } = state;
  const counters: Counters = {
    key,
    epoch,
    step,
    lossSum,
    batchRandom,
    dropoutRandom,
    promptSteps: promptMoments.step,
    prototypeSteps: prototypeMoments.step,
    best: best && { epoch: best.epoch, accuracy: best.accuracy },
    curve,
  };
  return writeSafetensors(tensors, new Map([[COUNTERS, JSON.stringify(counters)]]));
}

/** undefined where the checkpoint is of another job. Throws EngineError where the bytes are damaged. */
export function decodeCheckpoint(bytes: Uint8Array, key: string): Checkpoint | undefined {
  const { metadata, tensors } = readSafetensors(bytes);
  const counters = parseCounters(metadata.get(COUNTERS));
  // The key covers all that shapes and counters follow from; what it vouches for isn't asked again.
  if (counters.key !== key) return undefined;
  const read = (name: string, size?: number) => {
    const tensor = tensors.get(name);
    if (!(tensor?.data instanceof Float32Array)) throw damaged(`no float32 tensor ${name}`);
    if (size !== undefined && tensor.data.length !== size)
      throw damaged(`${tensor.data.length} numbers in ${name} instead of ${size}`);
    assertFinite(tensor, name);
    return tensor.data.slice();
  };
  const prompt = read("prompt");
  const prototypes = read("prototypes");
  const moments = (name: string, { length }: Float32Array, step: number): AdamWState => ({
    step,
    mean: read(`${name}.mean`, length),
    square: read(`${name}.square`, length),
  });
  const { epoch, step, lossSum, batchRandom, dropoutRandom, best, curve } = counters;
  return {
    state: {
      epoch,
      step,
      lossSum,
      batchRandom,
      dropoutRandom,
      prompt,
      prototypes,
      promptMoments: moments("prompt", prompt, counters.promptSteps),
      prototypeMoments: moments("prototypes", prototypes, counters.prototypeSteps),
    },
    best: best && {
      ...best,
      prompt: read("best.prompt", prompt.length),
      prototypes: read("best.prototypes", prototypes.length),
    },
    curve,
  };
}

const COUNTERS = "kilotune.checkpoint";

interface Counters extends Pick<TuneState, "epoch" | "step" | "lossSum" | "batchRandom" | "dropoutRandom"> {
  readonly key: string;
  readonly promptSteps: number;
  readonly prototypeSteps: number;
  readonly best: Pick<BestEpoch, "epoch" | "accuracy"> | undefined;
  readonly curve: readonly CurvePoint[];
}

function parseCounters(json: string | undefined): Counters {
  try {
    const counters: unknown = JSON.parse(json ?? "null");
    if (typeof counters === "object" && counters !== null) return counters as Counters;
  } catch {
    // Told below, like JSON of another kind.
  }
  throw damaged(`no counters under ${COUNTERS}`);
}

function damaged(seen: string): EngineError {
  return new EngineError("bad_safetensors", `checkpoint: saw ${seen}`, "Delete it and start afresh.");
}

function momentTensors(name: string, values: Float32Array, { mean, square }: AdamWState): [string, Tensor][] {
  return [
    [name, vector(values)],
    [`${name}.mean`, vector(mean)],
    [`${name}.square`, vector(square)],
  ];
}

function vector(data: Float32Array): Tensor {
  return float32(data, [data.length]);
}
