import type { Tensor } from "../tensor.ts";
import type { RealTensor } from "./rule.ts";

/** Tensor <-> what rules compute with. Way back, numbers are rounded to the tensor's own type. */

export function realOf({ type, dims, data }: Tensor): RealTensor {
  return { dtype: type, dims, data: Float64Array.from(data as Float32Array, Number) };
}

export function tensorOf({ dtype, dims, data }: RealTensor): Tensor {
  if (dtype === "int64") return { type: dtype, dims, data: BigInt64Array.from(data, BigInt) };
  if (dtype === "int32") return { type: dtype, dims, data: Int32Array.from(data) };
  if (dtype === "int8") return { type: dtype, dims, data: Int8Array.from(data) };
  if (dtype === "uint8" || dtype === "bool") return { type: dtype, dims, data: Uint8Array.from(data) };
  if (dtype === "float64") return { type: dtype, dims, data };
  return { type: "float32", dims, data: Float32Array.from(data) };
}
