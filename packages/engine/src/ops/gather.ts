import type { GraphBuilder } from "../ir/builder.ts";
import type { Attributes, Value } from "../ir/graph.ts";
import { sizeOf } from "../tensor.ts";
import {
  aroundAxis,
  axisOf,
  constantInts,
  gradient,
  input,
  intOr,
  numbersOf,
  real,
  stridesOf,
  stringOr,
} from "./access.ts";
import { type OpRule, type RealTensor, RuleError } from "./rule.ts";
import { padBack } from "./slice.ts";

/** y = x[indices] along `axis`; g -> g added up at the indices, zero elsewhere */
export const Gather: OpRule = {
  infer: (context) => {
    const [x, indices] = [input(context, 0), input(context, 1)];
    const axis = axisOf(intOr(context.attributes, "axis", 0), x.shape.length);
    return [
      { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] },
    ];
  },
  inferDims: (context) => {
    const dims = context.dims(0);
    const index = context.constant(1);
    if (dims === undefined || index === undefined || index.dims.length > 1) return undefined;
    return numbersOf(index).map((at) => {
      const dim = dims.at(at);
      if (dim === undefined) throw new RuleError(`Gather: index ${at} is outside ${dims.length}`);
      return dim;
    });
  },
  evaluate: (context) => {
    const [x, indices] = [real(context, 0), real(context, 1)];
    const axis = axisOf(intOr(context.attributes, "axis", 0), x.dims.length);
    const [outer, length, inner] = aroundAxis(x.dims, axis);
    const count = indices.data.length;
    const data = new Float64Array(outer * count * inner);
    for (let o = 0; o < outer; o++) {
      indices.data.forEach((given, at) => {
        const index = given < 0 ? given + length : given;
        if (index < 0 || index >= length) throw new RuleError(`Gather: index ${given} is outside ${length}`);
        const from = (o * length + index) * inner;
        data.set(x.data.subarray(from, from + inner), (o * count + at) * inner);
      });
    }
    return [{ ...x, dims: [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)], data }];
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    const [x, indices, g] = [input(node, 0), input(node, 1), gradient(context)];
    const axis = axisOf(intOr(node.attributes, "axis", 0), x.shape.length);
    const one = b.constantOf(indices);
    // One known index, such as the first token of each row, is a slice: no scatter needed.
    if (one?.dims.length === 0)
      return [padBack(b, b.op("Unsqueeze", [g, b.ints([axis])]), x, [axis], numbersOf(one)), null];
    const before = x.shape.slice(0, axis).map((_, at) => b.dimOf(x, at));
    const after = x.shape.slice(axis + 1).map((_, at) => b.dimOf(x, axis + 1 + at));
    const vector = (parts: readonly Value[]) => b.op("Concat", parts, { axis: 0 });
    const updates = b.op("Reshape", [g, vector([...before, b.ints([-1]), ...after])]);
    const column = b.op("Reshape", [indices, b.ints([-1, ...after.map(() => 1)])]);
    const places = b.op("Expand", [column, b.shapeOf(updates)]);
    return [scatter(b, x, places, updates, axis), null];
  },
};

/** y = x at the places that indices names along `axis`, element by element; g -> g added up there, zero elsewhere */
export const GatherElements: OpRule = {
  infer: (context) => {
    const [x, indices] = [input(context, 0), input(context, 1)];
    axisOf(intOr(context.attributes, "axis", 0), x.shape.length);
    if (indices.shape.length !== x.shape.length)
      throw new RuleError(`GatherElements: indices have the rank of x, ${x.shape.length}`);
    return [{ dtype: x.dtype, shape: indices.shape }];
  },
  evaluate: (context) => {
    const [x, indices] = [real(context, 0), real(context, 1)];
    const from = placesAlong(x.dims, indices, intOr(context.attributes, "axis", 0));
    return [{ dtype: x.dtype, dims: indices.dims, data: from.map((place) => x.data[place] as number) }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const x = input(node, 0);
    const axis = axisOf(intOr(node.attributes, "axis", 0), x.shape.length);
    return [scatter(builder, x, input(node, 1), gradient(context), axis), null];
  },
};

/** y = x with updates written or added at the places that indices names along `axis`, element by element */
export const ScatterElements: OpRule = {
  infer: (context) => {
    reductionOf(context.attributes);
    return [input(context, 0)];
  },
  evaluate: (context) => {
    const [x, indices, updates] = [real(context, 0), real(context, 1), real(context, 2)];
    const add = reductionOf(context.attributes) === "add";
    const data = Float64Array.from(x.data);
    placesAlong(x.dims, indices, intOr(context.attributes, "axis", 0)).forEach((place, at) => {
      data[place] = (add ? (data[place] as number) : 0) + (updates.data[at] as number);
    });
    return [{ ...x, data }];
  },
  vjp: "unsupported",
};

/** y = x with updates written or added at the places that the last axis of indices names */
export const ScatterND: OpRule = {
  infer: (context) => {
    reductionOf(context.attributes);
    return [input(context, 0)];
  },
  evaluate: (context) => {
    const [x, indices, updates] = [real(context, 0), real(context, 1), real(context, 2)];
    const depth = indices.dims.at(-1) as number;
    const inner = sizeOf(x.dims.slice(depth));
    const add = reductionOf(context.attributes) === "add";
    const data = Float64Array.from(x.data);
    for (let at = 0; at < indices.data.length / depth; at++) {
      let place = 0;
      for (let axis = 0; axis < depth; axis++) {
        const length = x.dims[axis] as number;
        const given = indices.data[at * depth + axis] as number;
        place = place * length + (given < 0 ? given + length : given);
      }
      for (let i = 0; i < inner; i++) {
        const update = updates.data[at * inner + i] as number;
        data[place * inner + i] = add ? (data[place * inner + i] as number) + update : update;
      }
    }
    return [{ ...x, data }];
  },
  vjp: "unsupported",
};

/** y = rows of `depth` numbers with on at the index and off elsewhere */
export const OneHot: OpRule = {
  infer: (context) => {
    const [indices, values] = [input(context, 0), input(context, 2)];
    const axis = axisOf(intOr(context.attributes, "axis", -1), indices.shape.length + 1);
    const depth = context.dims(1)?.[0] ?? constantInts(context, 1)?.[0];
    if (depth === undefined) throw new RuleError("OneHot: the depth must be known");
    return [
      { dtype: values.dtype, shape: [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)] },
    ];
  },
  evaluate: (context) => {
    const [indices, depth, values] = [real(context, 0), real(context, 1).data[0] as number, real(context, 2)];
    const axis = axisOf(intOr(context.attributes, "axis", -1), indices.dims.length + 1);
    const dims = [...indices.dims.slice(0, axis), depth, ...indices.dims.slice(axis)];
    const [outer, , inner] = aroundAxis(dims, axis);
    const data = new Float64Array(sizeOf(dims)).fill(values.data[0] as number);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const given = indices.data[o * inner + i] as number;
        const index = given < 0 ? given + depth : given;
        if (index >= 0 && index < depth) data[(o * depth + index) * inner + i] = values.data[1] as number;
      }
    }
    return [{ dtype: values.dtype, dims, data }];
  },
  vjp: "none",
};

/** Zeros in the shape of x, with the updates added in at their places. */
function scatter(b: GraphBuilder, x: Value, places: Value, updates: Value, axis: number): Value {
  const zeros = b.op("Expand", [b.scalar(0), b.shapeOf(x)]);
  // Not ScatterND: ONNX Runtime has lost updates of repeated indices there, by adding from several threads at once
  // (microsoft/onnxruntime#18048). ScatterElements adds one after the other.
  return b.op("ScatterElements", [zeros, places, updates], { axis, reduction: "add" });
}

function reductionOf(attributes: Attributes): "none" | "add" {
  const reduction = stringOr(attributes, "reduction", "none");
  if (reduction === "none" || reduction === "add") return reduction;
  throw new RuleError(`the reduction is none or add, seen: ${reduction}`);
}

/** For each element of indices, the place in a tensor of shape `dims` that differs from its own only along the axis. */
function placesAlong(dims: readonly number[], indices: RealTensor, given: number): Float64Array {
  const axis = axisOf(given, dims.length);
  const length = dims[axis] as number;
  const strides = stridesOf(dims);
  const counts = stridesOf(indices.dims);
  return indices.data.map((index, at) =>
    strides.reduce((place, stride, each) => {
      const own = Math.floor(at / (counts[each] as number)) % (indices.dims[each] as number);
      return place + stride * (each === axis ? (index < 0 ? index + length : index) : own);
    }, 0),
  );
}
