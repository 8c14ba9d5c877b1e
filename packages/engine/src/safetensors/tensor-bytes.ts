import type { DType, Tensor, TensorData } from "../tensor.ts";

/**
 * The tensor that little-endian `bytes` stand for; their number must fit the shape. It is a view of them where their
 * place in memory is aligned to the element, else a copy. Hosts are taken to be little-endian, as all that run
 * ONNX Runtime are.
 */
export function tensorFromBytes(type: DType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const ArrayType = ARRAY_TYPES[type];
  const { BYTES_PER_ELEMENT } = ArrayType;
  // Not slice(): on a Node Buffer that makes a view, which is no better aligned.
  const aligned = bytes.byteOffset % BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  const data = new ArrayType(aligned.buffer, aligned.byteOffset, aligned.byteLength / BYTES_PER_ELEMENT);
  return { type, dims, data };
}

/** The bytes of a tensor, as a view. */
export function bytesOfTensor({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

const ARRAY_TYPES: Record<DType, TensorArrayType> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

interface TensorArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TensorData;
}
