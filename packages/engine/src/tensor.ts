/**
 * A dense tensor in row-major order, structurally the same as onnxruntime-common's `Tensor`, so that a session
 * of any kind takes and gives these without a copy.
 */
export interface Tensor {
  readonly type: DType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Element types that the engine accepts, by ONNX Runtime's names. */
export type DType = "float32" | "float64" | "float16" | "int64" | "int32" | "int8" | "uint8" | "bool";

export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int8Array
  | Uint8Array;

export const BYTES_PER_ELEMENT: Record<DType, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

export function float32(data: Float32Array | readonly number[], dims: readonly number[]): Tensor {
  return tensor("float32", data instanceof Float32Array ? data : Float32Array.from(data), dims);
}

export function int64(data: BigInt64Array | readonly number[], dims: readonly number[]): Tensor {
  return tensor("int64", data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt), dims);
}

/** Pairs data with dims. A mismatch is a mistake of the caller's, not of a user's: it throws a plain Error. */
export function tensor(type: DType, data: TensorData, dims: readonly number[]): Tensor {
  if (data.length !== sizeOf(dims)) {
    throw new Error(`tensor: ${data.length} elements do not fill the shape [${dims.join(", ")}]`);
  }
  return { type, dims, data };
}
