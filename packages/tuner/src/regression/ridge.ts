import { prng } from "@kilotune/dataset";
import type { LinearHead } from "../head/linear-probe.ts";

/** A linear fit of numbers, in units of their deviation: value = mean + scale * (weight . x + bias). */
export interface Ridge {
  readonly head: LinearHead;
  readonly mean: number;
  readonly scale: number;
  /** Strength of its regularisation, chosen on training rows alone. */
  readonly lambda: number;
}

const LAMBDAS = [0.01, 0.1, 1, 10] as const;
const FOLDS = 5;

/**
 * What prompts of numbers must beat: ridge regression on frozen vectors. The sum of squares of the standardised errors plus
 * lambda |weight|^2, the bias free; lambda by cross-validation, or as given (for the folds of an outer one).
 *
 * @param vectors [rows, H] flat
 */
export function fitRidge(
  vectors: Float32Array,
  values: Float64Array,
  hiddenSize: number,
  seed: number,
  chosen?: Pick<Ridge, "lambda">,
): Ridge {
  const lambda = chosen?.lambda ?? chooseLambda(vectors, values, hiddenSize, seed);
  const all = Int32Array.from(values.keys());
  const { mean, scale } = spreadOf(values);
  const { weight, bias } = solve(vectors, standardised(values, mean, scale), hiddenSize, all, [lambda])[0]!;
  return { head: { weight: Float32Array.from(weight), bias: Float32Array.of(bias) }, mean, scale, lambda };
}

/** Mean and deviation; 1 where all are the same. */
export function spreadOf(values: Float64Array): { readonly mean: number; readonly scale: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
  return { mean, scale: variance > 0 ? Math.sqrt(variance) : 1 };
}

export function standardised(values: Float64Array, mean: number, scale: number): Float64Array {
  return values.map((value) => (value - mean) / scale);
}

function chooseLambda(vectors: Float32Array, values: Float64Array, H: number, seed: number): number {
  if (values.length < 2 * FOLDS) return 1;
  const { mean, scale } = spreadOf(values);
  const targets = standardised(values, mean, scale);
  const folds = prng(seed, "ridge folds").shuffle(Int32Array.from(values, (_, row) => row % FOLDS));
  const losses = LAMBDAS.map(() => 0);
  // Of many rows one fold says enough.
  const used = values.length > 3000 ? 1 : FOLDS;
  for (let fold = 0; fold < used; fold++) {
    const others = Int32Array.from([...folds.keys()].filter((row) => folds[row] !== fold));
    solve(vectors, targets, H, others, LAMBDAS).forEach(({ weight, bias }, at) => {
      folds.forEach((of, row) => {
        if (of !== fold) return;
        let seen = bias;
        for (let h = 0; h < H; h++) seen += weight[h]! * vectors[row * H + h]!;
        losses[at]! += (seen - targets[row]!) ** 2;
      });
    });
  }
  // Ties go to the stronger regularisation.
  return LAMBDAS[losses.lastIndexOf(Math.min(...losses))] as number;
}

/** Normal equations of centred rows, by Cholesky; one solution a lambda. */
function solve(
  vectors: Float32Array,
  targets: Float64Array,
  H: number,
  rows: Int32Array,
  lambdas: readonly number[],
): { weight: Float64Array; bias: number }[] {
  const centre = new Float64Array(H);
  let targetMean = 0;
  for (const row of rows) {
    for (let h = 0; h < H; h++) centre[h]! += vectors[row * H + h]! / rows.length;
    targetMean += targets[row]! / rows.length;
  }
  const gram = new Float64Array(H * H);
  const right = new Float64Array(H);
  const x = new Float64Array(H);
  for (const row of rows) {
    for (let h = 0; h < H; h++) x[h] = vectors[row * H + h]! - centre[h]!;
    const target = targets[row]! - targetMean;
    for (let i = 0; i < H; i++) {
      const value = x[i]!;
      right[i]! += value * target;
      for (let j = 0; j <= i; j++) gram[i * H + j]! += value * x[j]!;
    }
  }
  return lambdas.map((lambda) => {
    const weight = cholesky(gram, right, H, lambda);
    const bias = targetMean - weight.reduce((sum, each, h) => sum + each * centre[h]!, 0);
    return { weight, bias };
  });
}

/** (lower triangle of A, plus lambda on its diagonal) w = b */
function cholesky(A: Float64Array, b: Float64Array, n: number, lambda: number): Float64Array {
  const L = A.slice();
  for (let i = 0; i < n; i++) L[i * n + i]! += lambda;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = L[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= L[i * n + k]! * L[j * n + k]!;
      L[i * n + j] = i === j ? Math.sqrt(sum) : sum / L[j * n + j]!;
    }
  }
  const w = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) w[i]! -= L[i * n + k]! * w[k]!;
    w[i]! /= L[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) w[i]! -= L[k * n + i]! * w[k]!;
    w[i]! /= L[i * n + i]!;
  }
  return w;
}
