import type { GraphBuilder } from "../ir/builder.ts";
import { addDims, type Dim, divideDims, multiplyDims, subtractDims } from "../ir/dim.ts";
import type { Value } from "../ir/graph.ts";
import type { DType } from "../tensor.ts";
import { gradient, input, output, real } from "./access.ts";
import { broadcastIndex, broadcastShapes } from "./broadcast.ts";
import { type InferContext, type OpRule, type RealTensor, RuleError } from "./rule.ts";

/** Ops of two inputs with broadcasting. Gradients are left at the broadcast shape; the backward walk sums them down. */

/** y = a + b; g -> g, g */
export const Add = binary((a, b) => a + b, [({ g }) => g, ({ g }) => g], addDims);

/** y = a - b; g -> g, -g */
export const Sub = binary((a, b) => a - b, [({ g }) => g, ({ b, g }) => b.op("Neg", [g])], subtractDims);

/** y = a * c; g -> g * c, g * a */
export const Mul = binary(
  (a, b) => a * b,
  [({ b, g, right }) => b.op("Mul", [g, right]), ({ b, g, left }) => b.op("Mul", [g, left])],
  multiplyDims,
);

/** y = a / c; g -> g / c, -g * y / c. Integers divide toward zero. */
export const Div = binary(
  (a, b, dtype) => (dtype.startsWith("float") ? a / b : Math.trunc(a / b)),
  [
    ({ b, g, right }) => b.op("Div", [g, right]),
    ({ b, g, right, y }) => b.op("Neg", [b.op("Div", [b.op("Mul", [g, y]), right])]),
  ],
  divideDims,
);

/** y = a ^ c; g -> g * c * a^(c - 1). No rule for the exponent: it is a constant in every graph we accept. */
export const Pow = binary(
  (a, b) => a ** b,
  [
    ({ b, g, left, right }) => {
      const slope = b.op("Mul", [right, b.op("Pow", [left, b.op("Sub", [right, b.scalar(1)])])]);
      return b.op("Mul", [g, slope]);
    },
    "unsupported",
  ],
);

/** y = max(a, c); g goes to the larger, to the first of equals */
export const Max = binary(
  (a, b) => Math.max(a, b),
  [
    ({ b, g, left, right }) => b.op("Where", [b.op("Less", [left, right]), b.scalar(0), g]),
    ({ b, g, left, right }) => b.op("Where", [b.op("Less", [left, right]), g, b.scalar(0)]),
  ],
);

/** y = min(a, c); g goes to the smaller, to the first of equals */
export const Min = binary(
  (a, b) => Math.min(a, b),
  [
    ({ b, g, left, right }) => b.op("Where", [b.op("Greater", [left, right]), b.scalar(0), g]),
    ({ b, g, left, right }) => b.op("Where", [b.op("Greater", [left, right]), g, b.scalar(0)]),
  ],
);

/** Of dims: 1 or 0 where that can be told. A size is never negative, so it never equals the -1 of a wish. */
export const Equal: OpRule = {
  ...comparison((a, b) => a === b),
  inferDims: (context) => {
    const [left, right] = [context.dims(0), context.dims(1)];
    if (left === undefined || right === undefined || left.length !== right.length) return undefined;
    const same = left.map((dim, at) => equalDims(dim, right[at] as Dim));
    return same.every((each) => each !== undefined) ? same.map(Number) : undefined;
  },
};
export const Less = comparison((a, b) => a < b);
export const LessOrEqual = comparison((a, b) => a <= b);
export const Greater = comparison((a, b) => a > b);
export const GreaterOrEqual = comparison((a, b) => a >= b);
export const And = comparison((a, b) => a !== 0 && b !== 0);
export const Or = comparison((a, b) => a !== 0 || b !== 0);

/** y = condition ? a : b; g -> nothing, g where true, g where false */
export const Where: OpRule = {
  infer: (context) => {
    const [condition, a, b] = [input(context, 0), input(context, 1), input(context, 2)];
    sameType(a, b);
    return [{ dtype: a.dtype, shape: broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)) }];
  },
  inferDims: (context) => {
    const [condition, a, b] = [context.dims(0), context.dims(1), context.dims(2)];
    if (condition === undefined || a?.length !== condition.length || b?.length !== condition.length)
      return undefined;
    return condition.map((holds, at) => (holds === 1 ? a : b)[at] as Dim);
  },
  evaluate: (context) => {
    const [condition, a, b] = [real(context, 0), real(context, 1), real(context, 2)];
    const dims = broadcastShapes(condition.dims, broadcastShapes(a.dims, b.dims)) as number[];
    const [atC, atA, atB] = [condition, a, b].map((each) => broadcastIndex(each.dims, dims)) as [
      Int32Array,
      Int32Array,
      Int32Array,
    ];
    const data = Float64Array.from(atC, (c, at) =>
      condition.data[c] === 0 ? (b.data[atB[at] as number] as number) : (a.data[atA[at] as number] as number),
    );
    return [{ dtype: a.dtype, dims, data }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const g = gradient(context);
    const zero = builder.scalar(0);
    return [
      null,
      context.needs(1) ? builder.op("Where", [input(node, 0), g, zero]) : null,
      context.needs(2) ? builder.op("Where", [input(node, 0), zero, g]) : null,
    ];
  },
};

function equalDims(a: Dim, b: Dim): boolean | undefined {
  if (a === b) return true;
  if (typeof a === "number" && typeof b === "number") return false;
  const [number, symbol] = typeof a === "number" ? [a, b] : [b, a];
  return typeof number === "number" && number < 0 && isSize(symbol) ? false : undefined;
}

/** A sum of products without a minus. */
function isSize(dim: Dim): boolean {
  return typeof dim === "string" && !dim.includes("-");
}

type Side = (at: { b: GraphBuilder; g: Value; left: Value; right: Value; y: Value }) => Value;

function binary(
  f: (a: number, b: number, dtype: DType) => number,
  sides: readonly [Side, Side | "unsupported"],
  onDims?: (a: Dim, b: Dim) => Dim | undefined,
): OpRule {
  return {
    infer: (context) => {
      const [left, right] = operands(context);
      return [{ dtype: left.dtype, shape: broadcastShapes(left.shape, right.shape) }];
    },
    inferDims: (context) => {
      const [left, right] = [context.dims(0), context.dims(1)];
      if (onDims === undefined || left === undefined || right === undefined) return undefined;
      const length = left.length === 1 ? right.length : left.length;
      const at = (dims: readonly Dim[], index: number) => dims[dims.length === 1 ? 0 : index] as Dim;
      const results = Array.from({ length }, (_, index) => onDims(at(left, index), at(right, index)));
      return results.every((dim) => dim !== undefined) ? results : undefined;
    },
    evaluate: (context) => {
      const left = real(context, 0);
      return [zip(left, real(context, 1), (a, b) => f(a, b, left.dtype))];
    },
    vjp: (context) => {
      const at = {
        b: context.builder,
        g: gradient(context),
        left: input(context.node, 0),
        right: input(context.node, 1),
        y: output(context),
      };
      return sides.map((side, index) => {
        if (!context.needs(index)) return null;
        if (side === "unsupported") throw new RuleError(`input ${index} passes no gradient`);
        return side(at);
      });
    },
  };
}

function comparison(f: (a: number, b: number) => boolean): OpRule {
  return {
    infer: (context) => {
      const [left, right] = operands(context);
      return [{ dtype: "bool", shape: broadcastShapes(left.shape, right.shape) }];
    },
    evaluate: (context) => [
      { ...zip(real(context, 0), real(context, 1), (a, b) => (f(a, b) ? 1 : 0)), dtype: "bool" },
    ],
    vjp: "none",
  };
}

function zip(left: RealTensor, right: RealTensor, f: (a: number, b: number) => number): RealTensor {
  const dims = broadcastShapes(left.dims, right.dims) as number[];
  const atLeft = broadcastIndex(left.dims, dims);
  const atRight = broadcastIndex(right.dims, dims);
  const data = Float64Array.from(atLeft, (from, at) =>
    f(left.data[from] as number, right.data[atRight[at] as number] as number),
  );
  return { dtype: left.dtype, dims, data };
}

function operands(context: InferContext): [Value, Value] {
  const [left, right] = [input(context, 0), input(context, 1)];
  // ONNX's Max and Min take any number of inputs; a third one must not be overlooked.
  if (context.inputs.length > 2) throw new RuleError(`two inputs are wanted, seen: ${context.inputs.length}`);
  sameType(left, right);
  return [left, right];
}

function sameType(a: Value, b: Value): void {
  if (a.dtype !== b.dtype) throw new RuleError(`both inputs have one type, seen: ${a.dtype} and ${b.dtype}`);
}
