import { WEIGHT_CODES } from "@kilotune/engine";
import type { PlannedWeight } from "./write-weights.ts";

/** How a bundle's weights are kept, and so which products its graphs compute. */
export type Precision = "fp32" | "int8";

export const PRECISIONS: readonly Precision[] = ["fp32", "int8"];

/**
 * The same weights in 8 bits: tables that tokens look up with one scale a row, matrices of products turned to [in, out] with one
 * scale an output. Scales stand beside the codes as `NAME.scale`; biases and norms stay as they are.
 */
export function quantizePlan(plan: readonly PlannedWeight[]): PlannedWeight[] {
  return plan.flatMap((weight) => {
    const { ours, dims } = weight;
    const [rows, columns] = dims as [number, number];
    if (dims.length !== 2) return [weight];
    const made = (quantize: (values: Float32Array) => Float32Array | Int8Array) => {
      const source = weight.make ?? (([only]: readonly Float32Array[]) => only as Float32Array);
      return (parts: readonly Float32Array[]) => quantize(source(parts) as Float32Array);
    };
    const scale = { ours: `${ours}.scale`, dims: [rows], from: weight.from };
    if (TABLES.has(ours)) {
      const codes = { ours, dims, from: weight.from, dtype: "int8" as const };
      return [
        { ...codes, make: made((values) => quantizeRows(values, columns, TABLE_CODES).codes) },
        { ...scale, make: made((values) => quantizeRows(values, columns, TABLE_CODES).scale) },
      ];
    }
    if (!ours.endsWith(".weight")) return [weight];
    const codes = { ours, dims: [columns, rows], from: weight.from, dtype: "int8" as const };
    return [
      {
        ...codes,
        make: made((values) => turned(quantizeRows(values, columns, WEIGHT_CODES).codes, columns)),
      },
      { ...scale, make: made((values) => quantizeRows(values, columns, WEIGHT_CODES).scale) },
    ];
  });
}

/** What `lookUp` of the encoder's parts reads. */
const TABLES: ReadonlySet<string> = new Set(["embeddings.word", "embeddings.position", "embeddings.type"]);

/** Nothing adds these up in 16 bits. */
const TABLE_CODES = 127;

/** Each row over its largest absolute value: values are about codes * scale, codes from -most to most. */
function quantizeRows(values: Float32Array, width: number, most: number): Quantized {
  const codes = new Int8Array(values.length);
  const scale = new Float32Array(values.length / width);
  for (let row = 0; row < scale.length; row++) {
    const from = row * width;
    let largest = 0;
    for (let at = from; at < from + width; at++) largest = Math.max(largest, Math.abs(values[at] as number));
    // A row of zeros would divide by zero.
    const step = Math.max(largest, 1e-20) / most;
    scale[row] = step;
    for (let at = from; at < from + width; at++) codes[at] = Math.round((values[at] as number) / step);
  }
  return { codes, scale };
}

interface Quantized {
  readonly codes: Int8Array;
  readonly scale: Float32Array;
}

/** [out, in] -> [in, out] */
function turned(codes: Int8Array, width: number): Int8Array {
  const height = codes.length / width;
  const result = new Int8Array(codes.length);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      result[column * height + row] = codes[row * width + column] as number;
  return result;
}
