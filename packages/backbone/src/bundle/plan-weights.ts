import { findTensors, type NameRules, type WantedTensor } from "../checkpoint-names.ts";
import type { PlannedWeight } from "./write-weights.ts";

/** A weight of ours, made of tensors of a checkpoint: one is taken as it is where `make` is left out. */
export interface MadeWeight {
  readonly ours: string;
  readonly shape: readonly number[];
  readonly theirs: readonly WantedTensor[];
  readonly make?: (parts: readonly Float32Array[]) => Float32Array;
}

/**
 * Finds the tensors of each weight in a checkpoint.
 * @param shapes tensor name -> shape, as the checkpoint's header has them
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  weights: readonly MadeWeight[],
  rules: NameRules,
): PlannedWeight[] {
  const wanted = new Map(weights.flatMap(({ theirs }) => theirs).map((each) => [each.name, each]));
  const found = findTensors(shapes, [...wanted.values()], rules);
  return weights.map(({ ours, shape, theirs, make }) => ({
    ours,
    dims: shape,
    from: theirs.map(({ name }) => found.get(name) as string),
    ...(make && { make }),
  }));
}
