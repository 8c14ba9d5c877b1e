import type { GraphBuilder } from "./ir/builder.ts";
import type { Value } from "./ir/graph.ts";

/** Losses as graph pieces. B rows, C classes; each is the weighted sum over rows, so a weight of 1 / B gives the mean. */

/** logits [B, C], targets [B, C] (a distribution a row), weights [B] -> scalar: -sum_b w_b sum_c t_bc ln softmax(x_b)_c */
export function crossEntropy(b: GraphBuilder, logits: Value, targets: Value, weights: Value): Value {
  const logProbabilities = b.op("LogSoftmax", [logits], { axis: -1 });
  const rows = b.op("ReduceSum", [b.op("Mul", [targets, logProbabilities]), b.ints([1])], { keepdims: 0 });
  return b.op("Neg", [weightedSum(b, rows, weights)]);
}

/** logits [B, C], targets [B, C] of 0..1, weights [B] -> scalar: sum_b w_b mean_c (softplus(x) - t x) */
export function sigmoidCrossEntropy(b: GraphBuilder, logits: Value, targets: Value, weights: Value): Value {
  const cells = b.op("Sub", [b.op("Softplus", [logits]), b.op("Mul", [targets, logits])]);
  return weightedSum(b, b.op("ReduceMean", [cells, b.ints([1])], { keepdims: 0 }), weights);
}

/** predictions [B, D], targets [B, D], weights [B] -> scalar: sum_b w_b mean_d (p - t)^2 */
export function meanSquaredError(b: GraphBuilder, predictions: Value, targets: Value, weights: Value): Value {
  const difference = b.op("Sub", [predictions, targets]);
  const squares = b.op("Mul", [difference, difference]);
  return weightedSum(b, b.op("ReduceMean", [squares, b.ints([1])], { keepdims: 0 }), weights);
}

/** features [B, H] of length one, prototypes [C, H] of any length, scale [] -> logits [B, C]: scale * cosine */
export function cosineHead(b: GraphBuilder, features: Value, prototypes: Value, scale: Value): Value {
  return b.op("Mul", [b.op("Gemm", [features, normalize(b, prototypes)], { transB: 1 }), scale]);
}

/** x [.., H] -> x / |x| along the last axis; the 1e-12 keeps an all-zero row finite. */
export function normalize(b: GraphBuilder, x: Value): Value {
  const squares = b.op("ReduceSum", [b.op("Mul", [x, x]), b.ints([-1])], { keepdims: 1 });
  return b.op("Div", [x, b.op("Sqrt", [b.op("Add", [squares, b.scalar(1e-24)])])]);
}

function weightedSum(b: GraphBuilder, rows: Value, weights: Value): Value {
  return b.op("ReduceSum", [b.op("Mul", [rows, weights])], { keepdims: 0 });
}
