import { addDims, type Dim, divideDims, subtractDims } from "../ir/dim.ts";
import type { Value } from "../ir/graph.ts";
import {
  aroundAxis,
  axisOf,
  constantInts,
  formatShape,
  gradient,
  input,
  intOr,
  real,
  sameShape,
} from "./access.ts";
import { type OpRule, type RealTensor, RuleError } from "./rule.ts";

/** y = inputs one after the other along `axis`; g -> its parts */
export const Concat: OpRule = {
  infer: (context) => {
    const first = input(context, 0);
    const axis = axisOf(intOr(context.attributes, "axis", 0), first.shape.length);
    const others = context.inputs.map((_, index) => input(context, index));
    const rest = (value: Value) => value.shape.filter((_, at) => at !== axis);
    for (const other of others) {
      if (other.dtype !== first.dtype || !sameShape(rest(other), rest(first))) {
        throw new RuleError(
          `Concat on axis ${axis}: ${first.dtype}${formatShape(first.shape)} and ${other.dtype}${formatShape(other.shape)} differ elsewhere`,
        );
      }
    }
    const length = others.map((value) => value.shape[axis] as Dim).reduce(addDims);
    return [{ dtype: first.dtype, shape: first.shape.map((dim, at) => (at === axis ? length : dim)) }];
  },
  inferDims: (context) => {
    const parts = context.inputs.map((_, index) => context.dims(index));
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  },
  evaluate: (context) => {
    const parts = context.inputs.map((_, index) => real(context, index));
    return [
      concatenate(parts, axisOf(intOr(context.attributes, "axis", 0), (parts[0] as RealTensor).dims.length)),
    ];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const axis = axisOf(intOr(node.attributes, "axis", 0), input(node, 0).shape.length);
    const lengths = node.inputs.map((_, index) => builder.dimOf(input(node, index), axis));
    const sizes = lengths.length === 1 ? (lengths[0] as Value) : builder.op("Concat", lengths, { axis: 0 });
    return builder.node("Split", [gradient(context), sizes], { axis }, { outputs: node.inputs.length });
  },
};

/** y0, y1 .. = parts of x along `axis`, sizes by the second input or equal; g -> the gradients one after the other */
export const Split: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const axis = axisOf(intOr(context.attributes, "axis", 0), x.shape.length);
    const length = x.shape[axis] as Dim;
    const equal = divideDims(length, context.outputCount);
    const sizes = context.inputs[1]
      ? context.dims(1)
      : equal !== undefined && Array(context.outputCount).fill(equal);
    if (!sizes || sizes.length !== context.outputCount || sizes.reduce(addDims, 0) !== length) {
      throw new RuleError(
        `Split: ${length} into ${context.outputCount} parts of ${sizes ? formatShape(sizes) : "equal size"}`,
      );
    }
    return sizes.map((size: Dim) => ({
      dtype: x.dtype,
      shape: x.shape.map((dim, at) => (at === axis ? size : dim)),
    }));
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const axis = axisOf(intOr(context.attributes, "axis", 0), x.dims.length);
    const [outer, length, inner] = aroundAxis(x.dims, axis);
    const given = context.inputs[1] ? [...real(context, 1).data] : undefined;
    const sizes = given ?? Array(context.outputCount).fill(length / context.outputCount);
    let start = 0;
    return sizes.map((size: number) => {
      const data = new Float64Array(outer * size * inner);
      for (let o = 0; o < outer; o++) {
        const from = (o * length + start) * inner;
        data.set(x.data.subarray(from, from + size * inner), o * size * inner);
      }
      start += size;
      return { ...x, dims: x.dims.map((dim, at) => (at === axis ? size : dim)), data };
    });
  },
  vjp: (context) => {
    const { builder, node } = context;
    const axis = axisOf(intOr(node.attributes, "axis", 0), input(node, 0).shape.length);
    const parts = node.outputs.map((value, index) => {
      const g = context.outputGradients[index];
      return g ?? builder.op("Expand", [builder.scalar(0), builder.shapeOf(value)]);
    });
    return [builder.op("Concat", parts, { axis }), null];
  },
};

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
      const clamp = (place: number) => Math.min(Math.max(place < 0 ? place + length : place, 0), length);
      const start = clamp(starts[at] as number);
      const size = Math.max(clamp(ends[at] as number) - start, 0);
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
    const { builder: b, node } = context;
    const x = input(node, 0);
    const starts = Array.from(b.constantOf(input(node, 1))?.data as BigInt64Array, Number);
    const axes = node.inputs[3]
      ? Array.from(b.constantOf(node.inputs[3])?.data as BigInt64Array, Number)
      : starts.map((_, at) => at);
    let g = gradient(context);
    // Axis by axis: zeros before, the gradient, zeros after.
    axes.forEach((given, at) => {
      const axis = axisOf(given, x.shape.length);
      const zeros = (length: Value) => {
        const dims = g.shape.map((_, other) => (other === axis ? length : b.dimOf(g, other)));
        return b.op("Expand", [b.scalar(0), b.op("Concat", dims, { axis: 0 })]);
      };
      const start = starts[at] as number;
      const before = start >= 0 ? b.ints([start]) : b.op("Add", [b.dimOf(x, axis), b.ints([start])]);
      const symbolic = [x.shape[axis], g.shape[axis]].every((dim) => typeof dim === "number");
      const after = symbolic
        ? b.ints([
            (x.shape[axis] as number) -
              (g.shape[axis] as number) -
              (start >= 0 ? start : start + (x.shape[axis] as number)),
          ])
        : b.op("Sub", [b.op("Sub", [b.dimOf(x, axis), b.dimOf(g, axis)]), before]);
      g = b.op("Concat", [zeros(before), g, zeros(after)], { axis });
    });
    return [g];
  },
};

function sliceLength(dim: Dim, start: number, end: Dim): Dim {
  if (typeof dim === "number" && typeof end === "number") {
    const clamp = (place: number) => Math.min(Math.max(place < 0 ? place + dim : place, 0), dim);
    return Math.max(clamp(end) - clamp(start), 0);
  }
  const toEnd = typeof end === "number" && end >= 2 ** 31 - 1;
  const stop = toEnd ? dim : typeof end === "number" && end < 0 ? addDims(dim, end) : end;
  return subtractDims(stop, start < 0 ? addDims(dim, start) : start);
}

export function concatenate(parts: readonly RealTensor[], axis: number): RealTensor {
  const [first] = parts as [RealTensor];
  const length = parts.reduce((sum, part) => sum + (part.dims[axis] as number), 0);
  const dims = first.dims.map((dim, at) => (at === axis ? length : dim));
  const [outer, , inner] = aroundAxis(dims, axis);
  const data = new Float64Array(outer * length * inner);
  let start = 0;
  for (const part of parts) {
    const size = (part.dims[axis] as number) * inner;
    for (let o = 0; o < outer; o++)
      data.set(part.data.subarray(o * size, (o + 1) * size), o * length * inner + start);
    start += size;
  }
  return { ...first, dims, data };
}
