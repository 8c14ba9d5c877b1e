import type { CurvePoint } from "@kilotune/contract";
import {
  assertFinite,
  EngineError,
  float32,
  readSafetensors,
  type Tensor,
  writeSafetensors,
} from "@kilotune/engine";
import type { Learnt } from "./task.ts";
import type { Trained, TuneState } from "./tune.ts";

/** A run as it stands between two steps: everything that the rest of it depends on. */
export interface Checkpoint {
  readonly state: TuneState;
  readonly best: BestEpoch | undefined;
  readonly curve: readonly CurvePoint[];
}

/** The epoch with the highest score on the held-out rows, the later of equals. */
export interface BestEpoch extends Learnt {
  readonly epoch: number;
  readonly score: number;
}

/**
 * @param key names the job: settings, data, backbone, code. A checkpoint of another job is never gone on with.
 */
export function encodeCheckpoint({ state, best, curve }: Checkpoint, key: string): Uint8Array {
  const heads = Object.entries(state.head);
  const tensors = new Map<string, Tensor>([
    ...trainedTensors("prompt", state.prompt),
    ...(state.factors
      ? [...trainedTensors("factors", state.factors), ["start", vector(state.factors.start)] as const]
      : []),
    ...heads.flatMap(([name, trained]) => trainedTensors(`head.${name}`, trained)),
  ]);
  if (best !== undefined) {
    tensors.set("best.prompt", vector(best.prompt));
    for (const [name, values] of Object.entries(best.head)) tensors.set(`best.head.${name}`, vector(values));
  }
  const { epoch, step, lossSum, batchRandom, dropoutRandom } = state;
  const counters: Counters = {
    version: VERSION,
    key,
    epoch,
    step,
    lossSum,
    batchRandom,
    dropoutRandom,
    head: heads.map(([name]) => name),
    updates: (state.factors ?? state.prompt).moments.step,
    best: best && { epoch: best.epoch, score: best.score },
    curve,
  };
  return writeSafetensors(tensors, new Map([[COUNTERS, JSON.stringify(counters)]]));
}

/** undefined where the checkpoint is of another job, or of another version of its format. Throws EngineError where the bytes are damaged. */
export function decodeCheckpoint(bytes: Uint8Array, key: string): Checkpoint | undefined {
  const { metadata, tensors } = readSafetensors(bytes);
  const counters = parseCounters(metadata.get(COUNTERS));
  // The key covers all that shapes and counters follow from; what it vouches for isn't asked again.
  if (counters.version !== VERSION || counters.key !== key) return undefined;
  const read = (name: string, size?: number) => {
    const tensor = tensors.get(name);
    if (!(tensor?.data instanceof Float32Array)) throw damaged(`no float32 tensor ${name}`);
    if (size !== undefined && tensor.data.length !== size)
      throw damaged(`${tensor.data.length} numbers in ${name} instead of ${size}`);
    assertFinite(tensor, name);
    return tensor.data.slice();
  };
  const { epoch, step, lossSum, batchRandom, dropoutRandom, best, curve, updates } = counters;
  const trained = (name: string): Trained => {
    const values = read(name);
    const { length } = values;
    const moments = {
      step: updates,
      mean: read(`${name}.mean`, length),
      square: read(`${name}.square`, length),
    };
    return { values, moments };
  };
  const prompt = trained("prompt");
  const factors = tensors.has("factors")
    ? { factors: { ...trained("factors"), start: read("start", prompt.values.length) } }
    : {};
  const byName = <Value>(of: (name: string) => Value) =>
    Object.fromEntries(counters.head.map((name) => [name, of(name)]));
  const head = byName((name) => trained(`head.${name}`));
  const sizeOf = (name: string) => (head[name] as Trained).values.length;
  return {
    state: { epoch, step, lossSum, batchRandom, dropoutRandom, prompt, ...factors, head },
    best: best && {
      ...best,
      prompt: read("best.prompt", prompt.values.length),
      head: byName((name) => read(`best.head.${name}`, sizeOf(name))),
    },
    curve,
  };
}

const COUNTERS = "kilotune.checkpoint";

/** Of the format. 1, which had none, knew one head only. */
const VERSION = 2;

interface Counters extends Pick<TuneState, "epoch" | "step" | "lossSum" | "batchRandom" | "dropoutRandom"> {
  readonly version: number;
  readonly key: string;
  /** Names of the head's tensors. */
  readonly head: readonly string[];
  /** Of each tensor that is learnt alike. */
  readonly updates: number;
  readonly best: Pick<BestEpoch, "epoch" | "score"> | undefined;
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

function trainedTensors(name: string, { values, moments }: Trained): [string, Tensor][] {
  return [
    [name, vector(values)],
    [`${name}.mean`, vector(moments.mean)],
    [`${name}.square`, vector(moments.square)],
  ];
}

function vector(data: Float32Array): Tensor {
  return float32(data, [data.length]);
}
