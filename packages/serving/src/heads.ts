import { KilotuneError } from "@kilotune/contract";
import type { Head } from "@kilotune/prompt";

/**
 * A head made ready: logit_c = factors_c * (weight_c . x) + biases_c. C classes, H hidden size.
 * x is a vector of length one, or where there is a `dense` part tanh(dense v + bias) of the vector v as it was pooled.
 */
export interface ReadyHead {
  readonly dense?: {
    /** [H, H] */
    readonly weight: Float32Array;
    /** [H] */
    readonly bias: Float32Array;
  };
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
  if (head.kind !== "cosine") {
    const factors = new Float64Array(classes).fill(scale);
    const linear = { weight, factors, biases: Float64Array.from(head.bias) };
    if (head.kind === "linear") return linear;
    return { ...linear, dense: { weight: head.dense, bias: head.denseBias } };
  }
  const factors = Float64Array.from({ length: classes }, (_, c) => {
    const row = rowOf(weight, c, hiddenSize);
    // The engine's cosine head adds the same: a row of zeros gives the logit 0, not NaN.
    return scale / Math.sqrt(dot(row, row) + 1e-24);
  });
  return { weight, factors, biases: new Float64Array(classes) };
}

/**
 * A row's vector [H] -> logits [C]. In plain loops over one row, so that neither the number of rows nor a library's
 * choice of kernel can change a bit.
 */
export function logitsOf({ dense, weight, factors, biases }: ReadyHead, vector: Float32Array): Float64Array {
  const x = dense === undefined ? vector : densely(dense, vector);
  return factors.map((factor, c) => factor * dot(rowOf(weight, c, x.length), x) + biases[c]!);
}

/** The same numbers. @throws KilotuneError `non_finite` */
export function finite<Numbers extends Float32Array | Float64Array>(
  numbers: Numbers,
  promptId: string,
): Numbers {
  // A sum takes less time than a call each: of a map there are a million.
  let sum = 0;
  for (const number of numbers) sum += number * 0;
  if (sum === 0) return numbers;
  throw new KilotuneError(
    "non_finite",
    `expected finite logits from the prompt ${promptId}, saw infinity or NaN`,
    "Its numbers are too large for the backbone: tune again with a lower learning rate.",
  );
}

function densely({ weight, bias }: NonNullable<ReadyHead["dense"]>, v: Float32Array): Float64Array {
  return Float64Array.from(bias, (start, h) => Math.tanh(start + dot(rowOf(weight, h, v.length), v)));
}

function rowOf(matrix: Float32Array, row: number, width: number): Float32Array {
  return matrix.subarray(row * width, (row + 1) * width);
}

function dot(a: Float32Array, b: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
