import { subtractDims } from "../ir/dim.ts";
import type { Attributes } from "../ir/graph.ts";
import { type DType, sizeOf } from "../tensor.ts";
import { gradient, input, intOr, numbersOf, real } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/** Ops about shapes and types. */

/** y = the dims of x as an int64 vector, from the axis `start` to the axis `end` */
export const Shape: OpRule = {
  infer: (context) => [
    { dtype: "int64", shape: [partOf(context.attributes, input(context, 0).shape).length] },
  ],
  inferDims: (context) => partOf(context.attributes, input(context, 0).shape),
  evaluate: (context) => {
    const dims = partOf(context.attributes, real(context, 0).dims);
    return [{ dtype: "int64", dims: [dims.length], data: Float64Array.from(dims) }];
  },
  vjp: "none",
};

/** Both may count from the end, and reach past it. */
function partOf<T>(attributes: Attributes, shape: readonly T[]): T[] {
  return shape.slice(intOr(attributes, "start", 0), attributes.end && intOr(attributes, "end", 0));
}

/** y = a tensor of the given shape, filled with `value` (a float32 zero where it is left out) */
export const ConstantOfShape: OpRule = {
  infer: (context) => {
    const dims = context.dims(0);
    if (dims === undefined)
      throw new RuleError("ConstantOfShape: the shape must be known, at least by symbols");
    const { value } = context.attributes;
    return [{ dtype: value?.type === "tensor" ? value.value.type : "float32", shape: dims }];
  },
  evaluate: (context) => {
    const dims = [...real(context, 0).data];
    const { value } = context.attributes;
    const fill = value?.type === "tensor" ? value.value : undefined;
    const data = new Float64Array(sizeOf(dims)).fill(fill ? (numbersOf(fill)[0] as number) : 0);
    return [{ dtype: fill?.type ?? "float32", dims, data }];
  },
  vjp: "none",
};

/** y = start, start + step, .. below limit; the length must be known by constants or symbols */
export const Range: OpRule = {
  infer: (context) => {
    const [start, limit, step] = [
      context.dims(0)?.[0] ?? constantOr(context.constant(0)),
      context.dims(1)?.[0] ?? constantOr(context.constant(1)),
      constantOr(context.constant(2)),
    ];
    if (start === undefined || limit === undefined || step !== 1)
      throw new RuleError("Range: known start and limit, step 1");
    return [{ dtype: input(context, 0).dtype, shape: [subtractDims(limit, start)] }];
  },
  evaluate: (context) => {
    const [start, limit, step] = [0, 1, 2].map((index) => real(context, index).data[0] as number) as [
      number,
      number,
      number,
    ];
    const length = Math.max(Math.ceil((limit - start) / step), 0);
    return [
      {
        dtype: real(context, 0).dtype,
        dims: [length],
        data: Float64Array.from({ length }, (_, at) => start + at * step),
      },
    ];
  },
  vjp: "none",
};

/** y = x as another type (`to`: ONNX's number); g -> g as the type of x, where both are floats */
export const Cast: OpRule = {
  infer: (context) => [
    { dtype: castTarget(intOr(context.attributes, "to", 0)), shape: input(context, 0).shape },
  ],
  inferDims: (context) => context.dims(0),
  evaluate: (context) => {
    const x = real(context, 0);
    const dtype = castTarget(intOr(context.attributes, "to", 0));
    const f =
      dtype === "bool"
        ? (value: number) => Number(value !== 0)
        : dtype.startsWith("float")
          ? (value: number) => value
          : Math.trunc;
    return [{ ...x, dtype, data: x.data.map(f) }];
  },
  vjp: (context) => {
    const from = input(context.node, 0).dtype;
    if (!from.startsWith("float")) return [null];
    return [context.builder.op("Cast", [gradient(context)], { to: ONNX_TYPES[from] })];
  },
};

/** ONNX's TensorProto.DataType. */
export const ONNX_TYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
};

function castTarget(to: number): DType {
  const found = (Object.keys(ONNX_TYPES) as DType[]).find((dtype) => ONNX_TYPES[dtype] === to);
  if (found === undefined)
    throw new RuleError(`Cast: ONNX type ${to} isn't one of ${Object.keys(ONNX_TYPES).join(", ")}`);
  return found;
}

function constantOr(tensor: Parameters<typeof numbersOf>[0] | undefined): number | undefined {
  return tensor && numbersOf(tensor)[0];
}
