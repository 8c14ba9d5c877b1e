import { create } from "@bufbuild/protobuf";
import type { Dim } from "../ir/dim.ts";
import type { Value } from "../ir/graph.ts";
import { ONNX_TYPES } from "../ops/shape.ts";
import {
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./generated/onnx_pb.js";
import { quote, refuse } from "./refuse.ts";
import { dtypeOf } from "./tensor.ts";

/** Value <-> ValueInfoProto: the name, type and shape of an input or output. */
export function toValueInfo({ name, dtype, shape }: Value): ValueInfoProto {
  const tensorType = { elemType: ONNX_TYPES[dtype], shape: { dim: shape.map(toDimension) } };
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: tensorType } },
  });
}

/** `index` tells the inputs apart, so that a dim without a name becomes a symbol equal to no other. */
export function fromValueInfo({ name, type }: ValueInfoProto, index: number): Value {
  const at = `value ${quote(name)}`;
  if (name === "") throw refuse("a name for each input", "none");
  if (type?.value.case !== "tensorType") throw refuse(`${at} to be a tensor`, type?.value.case ?? "no type");
  const { elemType, shape } = type.value.value;
  if (shape === undefined) throw refuse(`${at} to have a shape`, "none");
  const dims = shape.dim.map((dim, axis) => fromDimension(dim, at) ?? `unnamed${index}.${axis}`);
  return { name, dtype: dtypeOf(elemType, at), shape: dims };
}

function toDimension(dim: Dim): TensorShapeProto_Dimension {
  return create(TensorShapeProto_DimensionSchema, {
    value:
      typeof dim === "number" ? { case: "dimValue", value: BigInt(dim) } : { case: "dimParam", value: dim },
  });
}

function fromDimension({ value }: TensorShapeProto_Dimension, at: string): Dim | undefined {
  if (value.case === undefined || value.value === "") return undefined;
  if (value.case === "dimParam") {
    if (value.value.length > MAX_DIM_CHARS) throw refuse(`${at} to have short dims`, quote(value.value));
    return value.value;
  }
  const size = Number(value.value);
  if (!Number.isSafeInteger(size) || size < 0) throw refuse(`${at} to have dims >= 0`, `${value.value}`);
  return size;
}

/** Products of dims grow with the number of their terms: a name of a megabyte would take hours to multiply. */
const MAX_DIM_CHARS = 128;
