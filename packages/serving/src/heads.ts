import type { Head } from "@kilotune/prompt";

/** A head made ready: logit_c = factors_c * (weight_c . x) + biases_c. C classes, H hidden size. */
export interface ReadyHead {
  /** [C, H] */
  readonly weight: Float32Array;
  /** [C] scale, divided by |weight_c| where the head compares by cosine */
  readonly factors: Float64Array;
  /** [C] */
  readonly biases: Float64Array;
}

export function readyHead(head: Head, hiddenSize: number): ReadyHead {
  const { weight, scale } = head;
  const classes = weight.length / hiddenSize;
  if (head.kind === "linear") {
    return { weight, factors: new Float64Array(classes).fill(scale), biases: Float64Array.from(head.bias) };
  }
  const factors = Float64Array.from({ length: classes }, (_, c) => {
    const row = weight.subarray(c * hiddenSize, (c + 1) * hiddenSize);
    // The engine's cosine head adds the same: a row of zeros gives the logit 0, not NaN.
    return scale / Math.sqrt(dot(row, row) + 1e-24);
  });
  return { weight, factors, biases: new Float64Array(classes) };
}

/**
 * Unit vector x [H] -> logits [C]. In plain loops over one row, so that neither the number of rows nor a library's
 * choice of kernel can change a bit.
 */
export function logitsOf({ weight, factors, biases }: ReadyHead, x: Float32Array): Float64Array {
  return factors.map(
    (factor, c) => factor * dot(weight.subarray(c * x.length, (c + 1) * x.length), x) + biases[c]!,
  );
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
