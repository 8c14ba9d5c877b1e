import { BatchNormalization } from "./batch-normalization.ts";
import * as binary from "./binary.ts";
import { Clip } from "./clip.ts";
import { Concat, Split } from "./concat.ts";
import { Conv, ConvTranspose } from "./conv.ts";
import { CumSum } from "./cum-sum.ts";
import * as elementwise from "./elementwise.ts";
import { Gather, GatherElements, OneHot, ScatterElements, ScatterND } from "./gather.ts";
import { LayerNormalization } from "./layer-normalization.ts";
import { Gemm, MatMul, MatMulInteger } from "./matmul.ts";
import { AveragePool, MaxPool } from "./pool.ts";
import { ReduceMax, ReduceMean, ReduceSum } from "./reduce.ts";
import { Expand, Reshape, Squeeze, Transpose, Unsqueeze } from "./reshape.ts";
import { Resize } from "./resize.ts";
import type { OpRule } from "./rule.ts";
import { Cast, ConstantOfShape, Range, Shape } from "./shape.ts";
import { Pad, Slice } from "./slice.ts";
import { LogSoftmax, Softmax } from "./softmax.ts";
import { TopK } from "./top-k.ts";
import { Trilu } from "./trilu.ts";

/** The ops that the engine accepts, by ONNX name (opset 20). A name without a rule doesn't compile. */
export type OpName =
  | "Abs"
  | "Add"
  | "And"
  | "AveragePool"
  | "BatchNormalization"
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
  | "MatMulInteger"
  | "Max"
  | "MaxPool"
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
  | "Resize"
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
  | "TopK"
  | "Transpose"
  | "Trilu"
  | "Unsqueeze"
  | "Where";

export const OPS: Readonly<Record<OpName, OpRule>> = {
  AveragePool,
  BatchNormalization,
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
  MatMulInteger,
  MaxPool,
  OneHot,
  Pad,
  Range,
  ReduceMax,
  ReduceMean,
  ReduceSum,
  Reshape,
  Resize,
  ScatterElements,
  ScatterND,
  Shape,
  Slice,
  Softmax,
  Split,
  Squeeze,
  TopK,
  Transpose,
  Trilu,
  Unsqueeze,
};

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}
