import type { GraphBuilder } from "./ir/builder.ts";
import type { Value } from "./ir/graph.ts";

/**
 * Products in 8 bits, as graph pieces. T rows, K inputs, N outputs.
 *
 * Each row of the activations has a scale of its own, so that its numbers don't depend on the rows beside it: a row comes out
 * bit-equal alone and in any batch. Whole numbers are summed exactly, in whatever order a CPU does it.
 */

/** x [T, K] is about (codes - zero) * scale. */
export interface QuantizedRows {
  /** uint8 [T, K] */
  readonly codes: Value;
  /** What stands for 0. */
  readonly zero: number;
  /** [T, 1] */
  readonly scale: Value;
}

export interface QuantizedWeights {
  /**
   * int8 [K, N], within WEIGHT_CODES: the largest codes then can't saturate where a CPU without VNNI adds two products in 16 bits
   * (2 * 255 * 63 < 2^15), so that all CPUs give the same sums.
   */
  readonly codes: Value;
  /** [N] */
  readonly scale: Value;
}

/** Largest absolute value of a weight's code. */
export const WEIGHT_CODES = 63;

/**
 * x [T, K], by the largest absolute value of each row: codes 1 to 255 around 128. Of an x that is known never to be below `least`,
 * a small negative number, by the largest value: nearly all codes are for what is above 0, and a pass over x is saved.
 *
 * Codes are flat between their steps: see `quantizedProduct` for the gradient.
 */
export function quantizeRows(b: GraphBuilder, x: Value, { least }: { least?: number } = {}): QuantizedRows {
  const zero = least === undefined ? 128 : ZERO_OF_LEAST;
  const most = 255 - zero;
  const sizes = least === undefined ? b.op("Abs", [x]) : x;
  const largest = b.op("ReduceMax", [sizes, b.ints([-1])], { keepdims: 1 });
  // So large that `least` has a code; and a row of zeros doesn't divide by zero.
  const bound = b.op("Max", [largest, b.scalar(least === undefined ? 1e-20 : (-least * most) / zero)]);
  const steps = b.op("Mul", [x, b.op("Div", [b.scalar(most), bound])]);
  // Cast cuts off: with the half it rounds, in a pass less than Round takes.
  const codes = b.op("Cast", [b.op("Add", [steps, b.scalar(zero + 0.5)])], { to: 2 });
  return { codes, zero, scale: b.op("Div", [bound, b.scalar(most)]) };
}

/** Of 255 codes, those below 0 where little is. */
const ZERO_OF_LEAST = 28;

/**
 * x [T, K], which `rows` stand for -> factor * x W, [T, N].
 *
 * The gradient of x is the straight-through one (Bengio et al., arXiv:1308.3432): that of the product with the weights which the
 * codes stand for, as if x had not been rounded. It needs nothing of the forward pass.
 */
export function quantizedProduct(
  b: GraphBuilder,
  x: Value,
  rows: QuantizedRows,
  weights: QuantizedWeights,
  factor = 1,
): Value {
  const columns = factor === 1 ? weights.scale : b.op("Mul", [weights.scale, b.scalar(factor)]);
  const zero = b.constant({ type: "uint8", dims: [], data: Uint8Array.of(rows.zero) });
  const sums = b.op("Cast", [b.op("MatMulInteger", [rows.codes, weights.codes, zero])], { to: 1 });
  // In two steps, the constant first. Of Mul(sums, Mul(row, column)) ONNX Runtime 1.30 makes one op whose numbers are wrong; and
  // Mul(sums, row) where a row's scale is a product itself becomes another op, whose numbers are right in that version.
  return b.composite({
    output: b.op("Mul", [b.op("Mul", [sums, columns]), rows.scale]),
    inputs: [x],
    vjp: (builder, gradient) => {
      // Constant, so that a session computes it once, when it opens.
      const floats = builder.op("Mul", [builder.op("Cast", [weights.codes], { to: 1 }), columns]);
      return [builder.op("Gemm", [gradient, floats], { transB: 1 })];
    },
  });
}
