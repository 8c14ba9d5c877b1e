import * as binary from "./binary.ts";
import { Clip } from "./clip.ts";
import { Concat, Split } from "./concat.ts";
import { Conv, ConvTranspose } from "./conv.ts";
import { CumSum } from "./cum-sum.ts";
import * as elementwise from "./elementwise.ts";
import { Gather, GatherElements, OneHot, ScatterElements, ScatterND } from "./gather.ts";
import { LayerNormalization } from "./layer-normalization.ts";
import { Gemm, MatMul } from "./matmul.ts";
import { ReduceMax, ReduceMean, ReduceSum } from "./reduce.ts";
import { Expand, Reshape, Squeeze, Transpose, Unsqueeze } from "./reshape.ts";
import type { OpRule } from "./rule.ts";
import { Cast, ConstantOfShape, Range, Shape } from "./shape.ts";
import { Pad, Slice } from "./slice.ts";
import { LogSoftmax, Softmax } from "./softmax.ts";
import { Trilu } from "./trilu.ts";

/** The ops that the engine accepts, by ONNX name (opset 20). A name without a rule doesn't compile. */
export type OpName =
  | "Abs"
  | "Add"
  | "And"
  | "Cast"
  | "Clip"
  | "Concat"
  | "ConstantOfShape"
  | "Conv"
  | "ConvTranspose"
  | "Cos"
  | "CumSum"
  | "Div"
  | "Equal"
  | "Erf"
  | "Exp"
  | "Expand"
  | "Floor"
  | "Gather"
  | "GatherElements"
  | "Gelu"
  | "Gemm"
  | "Greater"
  | "GreaterOrEqual"
  | "Identity"
  | "IsNaN"
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
  | "Pad"
  | "Pow"
  | "Range"
  | "Reciprocal"
  | "ReduceMax"
  | "ReduceMean"
  | "ReduceSum"
  | "Relu"
  | "Reshape"
  | "Round"
  | "ScatterElements"
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
  | "Trilu"
  | "Unsqueeze"
  | "Where";

export const OPS: Readonly<Record<OpName, OpRule>> = {
  ...binary,
  Cast,
  Clip,
  Concat,
  ConstantOfShape,
  Conv,
  ConvTranspose,
  CumSum,
  ...elementwise,
  Expand,
  Gather,
  GatherElements,
  Gemm,
  LayerNormalization,
  LogSoftmax,
  MatMul,
  OneHot,
  Pad,
  Range,
  ReduceMax,
  ReduceMean,
  ReduceSum,
  Reshape,
  ScatterElements,
  ScatterND,
  Shape,
  Slice,
  Softmax,
  Split,
  Squeeze,
  Transpose,
  Trilu,
  Unsqueeze,
};

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}
