import { addDims, type Dim, divideDims } from "../ir/dim.ts";
import type { Value } from "../ir/graph.ts";
import { aroundAxis, axisOf, formatShape, gradient, input, intOr, real, sameShape } from "./access.ts";
import { type OpRule, type RealTensor, RuleError } from "./rule.ts";

/** y = inputs one after the other along `axis`; g -> its parts */
export const Concat: OpRule = {
  infer: (context) => {
    const first = input(context, 0);
    if (context.attributes.axis === undefined) throw new RuleError("Concat wants an axis");
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
    // ONNX wants the number of equal parts spelled out since opset 18, though the outputs tell it too.
    if (!context.inputs[1] && intOr(context.attributes, "num_outputs", 0) !== context.outputCount)
      throw new RuleError(`Split wants sizes or num_outputs=${context.outputCount}`);
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

function concatenate(parts: readonly RealTensor[], axis: number): RealTensor {
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
