import type { Dim } from "../ir/dim.ts";
import { sizeOf } from "../tensor.ts";
import { aroundAxis, axisOf, constantInts, gradient, input, intOr, real, stringOr } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

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
    if (dims === undefined || index === undefined) return undefined;
    return Array.from(index.data as BigInt64Array, (at) => dims.at(Number(at)) as Dim);
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
    const [x, indices] = [input(node, 0), input(node, 1)];
    const axis = axisOf(intOr(node.attributes, "axis", 0), x.shape.length);
    // ScatterND indexes leading axes, so the gathered axis is brought to the front and taken back.
    const rank = x.shape.length;
    const forward = [axis, ...Array.from({ length: rank }, (_, at) => at).filter((at) => at !== axis)];
    const front = axis === 0 ? x : b.op("Transpose", [x], { perm: forward });
    const width = indices.shape.length;
    const toFront = Array.from({ length: rank - 1 + width }, (_, at) => at);
    const perm = [
      ...toFront.slice(axis, axis + width),
      ...toFront.slice(0, axis),
      ...toFront.slice(axis + width),
    ];
    const updates =
      axis === 0 || width === 0 ? gradient(context) : b.op("Transpose", [gradient(context)], { perm });
    const zeros = b.op("Expand", [b.scalar(0), b.shapeOf(front)]);
    const places = b.op("Unsqueeze", [indices, b.ints([-1])]);
    const scattered = b.op("ScatterND", [zeros, places, updates], { reduction: "add" });
    const back = forward.map((_, at) => forward.indexOf(at));
    return [axis === 0 ? scattered : b.op("Transpose", [scattered], { perm: back }), null];
  },
};

/** y = x with updates written or added at the places that the last axis of indices names; g -> g, g at those places */
export const ScatterND: OpRule = {
  infer: (context) => [input(context, 0)],
  evaluate: (context) => {
    const [x, indices, updates] = [real(context, 0), real(context, 1), real(context, 2)];
    const depth = indices.dims.at(-1) as number;
    const inner = sizeOf(x.dims.slice(depth));
    const add = stringOr(context.attributes, "reduction", "none") === "add";
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
  // Appears in backward graphs only, which nobody differentiates again.
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
