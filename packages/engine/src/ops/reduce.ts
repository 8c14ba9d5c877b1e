import { multiplyDims } from "../ir/dim.ts";
import type { Attributes, Value } from "../ir/graph.ts";
import { sizeOf } from "../tensor.ts";
import { axisOf, constantInts, gradient, input, intOr, output, real } from "./access.ts";
import { broadcastIndex } from "./broadcast.ts";
import type { EvaluateContext, InferContext, OpRule, RealTensor, TypeAndShape, VjpContext } from "./rule.ts";

/** Reductions over constant axes (second input; all axes where it is left out). Opset 18's form. */

/** y = sum x; g -> g spread over x */
export const ReduceSum: OpRule = {
  infer,
  evaluate: (context) => [fold(context, 0, (sum, x) => sum + x)],
  vjp: (context) => [spread(context, gradient(context))],
};

/** y = mean x; g -> g / n spread over x */
export const ReduceMean: OpRule = {
  infer,
  evaluate: (context) => {
    const sum = fold(context, 0, (total, x) => total + x);
    const count = real(context, 0).data.length / Math.max(sum.data.length, 1);
    return [{ ...sum, data: sum.data.map((total) => total / count) }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const x = input(node, 0);
    const g = gradient(context);
    const dims = reducedAxes(context).map((axis) => x.shape[axis] as number | string);
    const count = dims.reduce(multiplyDims, 1);
    if (typeof count === "number") return [spread(context, builder.op("Div", [g, builder.scalar(count)]))];
    const factors = reducedAxes(context).map((axis) => builder.dimOf(x, axis));
    const product = factors.reduce((a, b) => builder.op("Mul", [a, b]));
    const scalar = builder.op("Reshape", [product, builder.ints([])]);
    return [spread(context, builder.op("Div", [g, builder.op("Cast", [scalar], { to: 1 })]))];
  },
};

/** y = max x; g goes to the largest, in equal parts where several are. */
export const ReduceMax: OpRule = {
  infer,
  evaluate: (context) => [fold(context, Number.NEGATIVE_INFINITY, Math.max)],
  vjp: (context) => {
    const { builder, node } = context;
    const x = input(node, 0);
    const largest = builder.op("Equal", [x, spread(context, output(context))]);
    const mark = builder.op("Cast", [largest], { to: 1 });
    const ties = builder.op("ReduceSum", [mark, builder.ints(reducedAxes(context))], { keepdims: 1 });
    return [builder.op("Div", [builder.op("Mul", [spread(context, gradient(context)), mark]), ties])];
  },
};

function infer(context: InferContext): TypeAndShape[] {
  const x = input(context, 0);
  const axes = axesOf(constantInts(context, 1), context.attributes, x.shape.length);
  const keep = intOr(context.attributes, "keepdims", 1) === 1;
  const shape = x.shape.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
  return [{ dtype: x.dtype, shape }];
}

function axesOf(given: readonly number[] | undefined, attributes: Attributes, rank: number): number[] {
  if (given === undefined || given.length === 0) {
    const none = intOr(attributes, "noop_with_empty_axes", 0) === 1;
    return none ? [] : Array.from({ length: rank }, (_, axis) => axis);
  }
  return given.map((axis) => axisOf(axis, rank)).sort((a, b) => a - b);
}

/** Read off the shapes: the axes were constants when the node was built. */
function reducedAxes({ builder, node }: VjpContext): number[] {
  const given = node.inputs[1] ? builder.constantInts(node.inputs[1]) : undefined;
  return axesOf(given, node.attributes, input(node, 0).shape.length);
}

/** A value of the reduced shape, stretched over the shape of the input. */
function spread(context: VjpContext, value: Value): Value {
  const { builder, node } = context;
  const x = input(node, 0);
  const axes = reducedAxes(context);
  const kept =
    value.shape.length === x.shape.length ? value : builder.op("Unsqueeze", [value, builder.ints(axes)]);
  return builder.op("Expand", [kept, builder.shapeOf(x)]);
}

function fold(context: EvaluateContext, start: number, step: (sum: number, x: number) => number): RealTensor {
  const x = real(context, 0);
  const given = context.inputs[1];
  const axes = axesOf(given ? [...given.data] : undefined, context.attributes, x.dims.length);
  const kept = x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const data = new Float64Array(sizeOf(kept)).fill(start);
  const to = broadcastIndex(kept, x.dims);
  for (let at = 0; at < to.length; at++) {
    const into = to[at] as number;
    data[into] = step(data[into] as number, x.data[at] as number);
  }
  const keep = intOr(context.attributes, "keepdims", 1) === 1;
  return { dtype: x.dtype, dims: keep ? kept : x.dims.filter((_, axis) => !axes.includes(axis)), data };
}
