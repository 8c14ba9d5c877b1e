import { addDims, type Dim, subtractDims } from "../ir/dim.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { aroundAxis, axisOf, constantInts, gradient, input, numbersOf, real, stringOr } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/** Slice and Pad: each is the other's gradient. */

/** y = x[starts .. ends) along `axes`, steps of 1; g -> g with zeros around */
export const Slice: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const axes = constantInts(context, 3) ?? constantInts(context, 1)?.map((_, at) => at) ?? [];
    const starts = constantInts(context, 1) ?? [];
    const ends = context.dims(2);
    if ((constantInts(context, 4) ?? []).some((step) => step !== 1))
      throw new RuleError("Slice: only steps of 1");
    if (ends === undefined || starts.length !== axes.length)
      throw new RuleError("Slice: starts, ends and axes must be known");
    const shape = [...x.shape];
    axes.forEach((given, at) => {
      const axis = axisOf(given, shape.length);
      shape[axis] = sliceLength(shape[axis] as Dim, starts[at] as number, ends[at] as Dim);
    });
    return [{ dtype: x.dtype, shape }];
  },
  inferDims: (context) => {
    const dims = context.dims(0);
    const [start, end] = [constantInts(context, 1)?.[0], context.dims(2)?.[0]];
    return dims && start !== undefined && typeof end === "number" ? dims.slice(start, end) : undefined;
  },
  evaluate: (context) => {
    let x = real(context, 0);
    const [starts, ends] = [real(context, 1).data, real(context, 2).data];
    const axes = context.inputs[3] ? real(context, 3).data : starts.map((_, at) => at);
    axes.forEach((given, at) => {
      const axis = axisOf(given, x.dims.length);
      const [outer, length, inner] = aroundAxis(x.dims, axis);
      const start = placeOf(length, starts[at] as number) as number;
      const size = Math.max((placeOf(length, ends[at] as number) as number) - start, 0);
      const data = new Float64Array(outer * size * inner);
      for (let o = 0; o < outer; o++) {
        const from = (o * length + start) * inner;
        data.set(x.data.subarray(from, from + size * inner), o * size * inner);
      }
      x = { ...x, dims: x.dims.map((dim, other) => (other === axis ? size : dim)), data };
    });
    return [x];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const starts = builder.constantInts(input(node, 1));
    const axes = node.inputs[3] ? builder.constantInts(node.inputs[3]) : starts.map((_, at) => at);
    return [padBack(builder, gradient(context), input(node, 0), axes, starts)];
  },
};

/** y = x with `value` around (pads: all befores, then all afters, along the axes); g -> its middle */
export const Pad: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const pads = context.dims(1);
    const axes = constantInts(context, 3) ?? x.shape.map((_, at) => at);
    const mode = stringOr(context.attributes, "mode", "constant");
    if (mode !== "constant") throw new RuleError(`Pad: the mode is constant, seen: ${mode}`);
    if (pads === undefined || pads.length !== 2 * axes.length || pads.some((pad) => Number(pad) < 0))
      throw new RuleError(`Pad wants ${2 * axes.length} known pads of at least 0`);
    const shape = [...x.shape];
    axes.forEach((given, at) => {
      const axis = axisOf(given, shape.length);
      const around = addDims(pads[at] as Dim, pads[at + axes.length] as Dim);
      shape[axis] = addDims(shape[axis] as Dim, around);
    });
    return [{ dtype: x.dtype, shape }];
  },
  evaluate: (context) => {
    let x = real(context, 0);
    const pads = real(context, 1).data;
    const value = context.inputs[2]?.data[0] ?? 0;
    const axes = context.inputs[3] ? [...real(context, 3).data] : x.dims.map((_, at) => at);
    axes.forEach((given, at) => {
      const axis = axisOf(given, x.dims.length);
      const [outer, length, inner] = aroundAxis(x.dims, axis);
      const [before, after] = [pads[at] as number, pads[at + axes.length] as number];
      const size = before + length + after;
      const data = new Float64Array(outer * size * inner).fill(value);
      for (let o = 0; o < outer; o++) {
        const part = x.data.subarray(o * length * inner, (o + 1) * length * inner);
        data.set(part, (o * size + before) * inner);
      }
      x = { ...x, dims: x.dims.map((dim, other) => (other === axis ? size : dim)), data };
    });
    return [x];
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    const [x, g] = [input(node, 0), gradient(context)];
    const axes = node.inputs[3] ? b.constantInts(node.inputs[3]) : x.shape.map((_, at) => at);
    const starts = b.constantInts(input(node, 1)).slice(0, axes.length);
    const ends = axes.map((axis, at) =>
      b.op("Add", [b.dimOf(x, axisOf(axis, x.shape.length)), b.ints([starts[at] as number])]),
    );
    const middle = [g, b.ints(starts), b.op("Concat", ends, { axis: 0 }), b.ints(axes)];
    return [b.op("Slice", middle)];
  },
};

/** g in the middle of zeros in the shape of x: at `starts` along `axes`. */
export function padBack(
  b: GraphBuilder,
  g: Value,
  x: Value,
  axes: readonly number[],
  starts: readonly number[],
): Value {
  const edges = axes.map((given, at) => {
    const axis = axisOf(given, x.shape.length);
    const start = starts[at] as number;
    const [whole, part] = [x.shape[axis] as Dim, g.shape[axis] as Dim];
    const before = placeOf(whole, start);
    if (typeof whole === "number" && typeof part === "number")
      return { low: b.ints([before as number]), high: b.ints([whole - part - (before as number)]) };
    const low = start >= 0 ? b.ints([start]) : b.op("Add", [b.dimOf(x, axis), b.ints([start])]);
    return { low, high: b.op("Sub", [b.op("Sub", [b.dimOf(x, axis), b.dimOf(g, axis)]), low]) };
  });
  const pads = [...edges.map(({ low }) => low), ...edges.map(({ high }) => high)];
  const constants = pads.map((pad) => b.constantOf(pad));
  const vector = constants.every((pad) => pad !== undefined)
    ? b.ints(constants.flatMap(numbersOf))
    : b.op("Concat", pads, { axis: 0 });
  return b.op("Pad", [g, vector, null, b.ints(axes)]);
}

/** Where a slice begins: counted from the end where it's negative, and never outside the axis. */
function placeOf(dim: Dim, start: number): Dim {
  if (typeof dim === "number") return Math.min(Math.max(start < 0 ? start + dim : start, 0), dim);
  return start < 0 ? addDims(dim, start) : start;
}

function sliceLength(dim: Dim, start: number, end: Dim): Dim {
  if (typeof dim === "number" && typeof end === "number")
    return Math.max((placeOf(dim, end) as number) - (placeOf(dim, start) as number), 0);
  const toEnd = typeof end === "number" && end >= 2 ** 31 - 1;
  const stop = toEnd ? dim : typeof end === "number" && end < 0 ? addDims(dim, end) : end;
  return subtractDims(stop, placeOf(dim, start));
}
