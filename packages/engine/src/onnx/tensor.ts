import { create } from "@bufbuild/protobuf";
import { type ExternalData, isExternal, type Value } from "../ir/graph.ts";
import { ONNX_TYPES } from "../ops/shape.ts";
import { bytesOfTensor, tensorFromBytes } from "../safetensors/tensor-bytes.ts";
import { BYTES_PER_ELEMENT, type DType, sizeOf, type Tensor } from "../tensor.ts";
import { fromExternalData, toExternalData } from "./external-data.ts";
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "./generated/onnx_pb.js";
import { quote, refuse } from "./refuse.ts";

/** Tensor or place of one <-> TensorProto. Written as raw_data or external data; all of ONNX's forms are read. */
export function toTensorProto({ name, dtype, shape }: Value, source: Tensor | ExternalData): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: ONNX_TYPES[dtype],
    dims: shape.map(BigInt),
    ...(isExternal(source) ? toExternalData(source) : { rawData: bytesOfTensor(source) }),
  });
}

export interface NamedTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly source: Tensor | ExternalData;
}

export function fromTensorProto(proto: TensorProto): NamedTensor {
  const { name } = proto;
  const at = `tensor ${quote(name)}`;
  const dtype = dtypeOf(proto.dataType, at);
  const dims = proto.dims.map(Number);
  const sizeBytes = sizeOf(dims) * BYTES_PER_ELEMENT[dtype];
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || !Number.isSafeInteger(sizeBytes)) {
    throw refuse(`${at} to have dims >= 0 and at most 2^53 bytes`, `[${proto.dims.join(", ").slice(0, 80)}]`);
  }
  const source =
    proto.dataLocation === TensorProto_DataLocation.EXTERNAL
      ? fromExternalData(proto.externalData, sizeBytes, at)
      : tensorFromBytes(dtype, dims, inlineBytes(proto, dtype, sizeBytes, at));
  return { name, dtype, dims, source };
}

export function dtypeOf(onnxType: number, at: string): DType {
  const dtype = DTYPES.find((candidate) => ONNX_TYPES[candidate] === onnxType);
  if (dtype === undefined) {
    const known = DTYPES.map((candidate) => `${ONNX_TYPES[candidate]} (${candidate})`).join(", ");
    throw refuse(`${at} to have an element type of ${known}`, `${onnxType}`, "Convert it to float32.");
  }
  return dtype;
}

const DTYPES = Object.keys(ONNX_TYPES) as DType[];

/** The elements in little-endian bytes, whichever of the fields they stand in. */
function inlineBytes(proto: TensorProto, dtype: DType, sizeBytes: number, at: string): Uint8Array {
  const listed = listedElements(proto, dtype);
  if (listed.length > 0 && proto.rawData.length > 0) {
    throw refuse(`${at} to have its elements in one field`, "two fields");
  }
  const seen = proto.rawData.length + listed.length * BYTES_PER_ELEMENT[dtype];
  if (seen !== sizeBytes) throw refuse(`${at} to have ${sizeBytes} bytes`, `${seen}`);
  const bytes = listed.length === 0 ? proto.rawData : toBytes(listed, dtype, at);
  if (dtype === "bool" && bytes.some((byte) => byte > 1))
    throw refuse(`${at} to hold 0 and 1`, "another byte");
  return bytes;
}

/** Small integers and the bits of halves stand in int32_data. */
function listedElements(proto: TensorProto, dtype: DType): readonly number[] | readonly bigint[] {
  if (dtype === "float32") return proto.floatData;
  if (dtype === "float64") return proto.doubleData;
  if (dtype === "int64") return proto.int64Data;
  return proto.int32Data;
}

function toBytes(elements: readonly number[] | readonly bigint[], dtype: DType, at: string): Uint8Array {
  const tensor = tensorFromBytes(
    dtype,
    [elements.length],
    new Uint8Array(elements.length * BYTES_PER_ELEMENT[dtype]),
  );
  elements.forEach((element, index) => {
    tensor.data[index] = element;
    const fits = Number.isNaN(element) || tensor.data[index] === element;
    if (!fits) throw refuse(`${at} to hold ${dtype} numbers`, `${element}`);
  });
  return bytesOfTensor(tensor);
}
