import * as binary from "./binary.ts";
import { Concat, Slice, Split } from "./concat.ts";
import { Conv, ConvTranspose } from "./conv.ts";
import * as elementwise from "./elementwise.ts";
import { Gather, OneHot, ScatterND } from "./gather.ts";
import { LayerNormalization } from "./layer-normalization.ts";
import { Gemm, MatMul } from "./matmul.ts";
import { ReduceMax, ReduceMean, ReduceSum } from "./reduce.ts";
import { Expand, Reshape, Squeeze, Transpose, Unsqueeze } from "./reshape.ts";
import type { OpRule } from "./rule.ts";
import { Cast, ConstantOfShape, Range, Shape } from "./shape.ts";
import { LogSoftmax, Softmax } from "./softmax.ts";

/** The ops that the engine accepts, by ONNX name (opset 20). A name without a rule doesn't compile. */
export type OpName =
  | "Abs"
  | "Add"
  | "And"
  | "Cast"
  | "Concat"
  | "ConstantOfShape"
  | "Conv"
  | "ConvTranspose"
  | "Cos"
  | "Div"
  | "Equal"
  | "Erf"
  | "Exp"
  | "Expand"
  | "Floor"
  | "Gather"
  | "Gelu"
  | "Gemm"
  | "Greater"
  | "GreaterOrEqual"
  | "Identity"
  | "LayerNormalization"
  | "Less"
  | "LessOrEqual"
  | "Log"
  | "LogSoftmax"
  | "MatMul"
  | "Max"
  | "Min"
  | "Mul"
  | "Neg"
  | "Not"
  | "OneHot"
  | "Or"
  | "Pow"
  | "Range"
  | "Reciprocal"
  | "ReduceMax"
  | "ReduceMean"
  | "ReduceSum"
  | "Relu"
  | "Reshape"
  | "Round"
  | "ScatterND"
  | "Shape"
  | "Sigmoid"
  | "Sign"
  | "Sin"
  | "Slice"
  | "Softmax"
  | "Softplus"
  | "Split"
  | "Sqrt"
  | "Squeeze"
  | "Sub"
  | "Tanh"
  | "Transpose"
  | "Unsqueeze"
  | "Where";

export const OPS: Readonly<Record<OpName, OpRule>> = {
  ...binary,
  Cast,
  Concat,
  ConstantOfShape,
  Conv,
  ConvTranspose,
  ...unaries(),
  Expand,
  Gather,
  Gemm,
  LayerNormalization,
  LogSoftmax,
  MatMul,
  OneHot,
  Range,
  ReduceMax,
  ReduceMean,
  ReduceSum,
  Reshape,
  ScatterND,
  Shape,
  Slice,
  Softmax,
  Split,
  Squeeze,
  Transpose,
  Unsqueeze,
};

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}

function unaries() {
  const { erf: _, ...rules } = elementwise;
  return rules;
}
