import { type Dim, divideDims, productOfDims } from "../ir/dim.ts";
import type { Value } from "../ir/graph.ts";
import { sizeOf } from "../tensor.ts";
import {
  axisOf,
  constantInts,
  formatShape,
  gradient,
  input,
  intOr,
  intsOf,
  real,
  stridesOf,
} from "./access.ts";
import { broadcastIndex, broadcastShapes } from "./broadcast.ts";
import { type OpRule, RuleError, type VjpContext } from "./rule.ts";

/** Ops that move elements and change none: their gradients move back the same way. */

/** y = x in another shape (second input; one -1 is worked out, 0 copies the dim); g -> g in the shape of x */
export const Reshape: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const wanted = context.dims(1);
    if (wanted === undefined) throw new RuleError("Reshape: the shape must be known, at least by symbols");
    const copies = intOr(context.attributes, "allowzero", 0) === 0;
    const shape = wanted.map((dim, at) => {
      if (dim !== 0 || !copies) return dim;
      const copied = x.shape[at];
      if (copied === undefined)
        throw new RuleError(`Reshape: ${formatShape(x.shape)} has no dim ${at} to copy`);
      return copied;
    });
    return [{ dtype: x.dtype, shape: solve(shape, productOfDims(x.shape), x) }];
  },
  // A vector stays what it is, and so does a scalar made of one.
  inferDims: (context) => ((context.dims(1)?.length ?? 2) <= 1 ? context.dims(0) : undefined),
  evaluate: (context) => {
    const x = real(context, 0);
    const copies = intOr(context.attributes, "allowzero", 0) === 0;
    const wanted = [...real(context, 1).data].map((dim, at) =>
      dim === 0 && copies ? (x.dims[at] as number) : dim,
    );
    const known = sizeOf(wanted.filter((dim) => dim !== -1));
    return [{ ...x, dims: wanted.map((dim) => (dim === -1 ? x.data.length / known : dim)) }];
  },
  vjp: reshapeBack,
};

/** y = x with axes of one dim put in; g -> g in the shape of x */
export const Unsqueeze: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    return [{ dtype: x.dtype, shape: withAxes(x.shape, constantInts(context, 1) ?? []) }];
  },
  // A scalar taken from a shape and made a vector again: its content stays known.
  inferDims: (context) => (input(context, 0).shape.length === 0 ? context.dims(0) : undefined),
  evaluate: (context) => {
    const x = real(context, 0);
    return [{ ...x, dims: withAxes(x.dims, [...real(context, 1).data]) as number[] }];
  },
  vjp: reshapeBack,
};

/** y = x with axes of one dim taken out; g -> g in the shape of x */
export const Squeeze: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    return [{ dtype: x.dtype, shape: withoutAxes(x.shape, constantInts(context, 1)) }];
  },
  inferDims: (context) => (input(context, 0).shape.length === 1 ? context.dims(0) : undefined),
  evaluate: (context) => {
    const x = real(context, 0);
    const axes = context.inputs[1] ? [...real(context, 1).data] : undefined;
    return [{ ...x, dims: withoutAxes(x.dims, axes) as number[] }];
  },
  vjp: reshapeBack,
};

/** y = x with its axes in the order `perm`; g -> g in the inverse order */
export const Transpose: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const perm = permutation(intsOf(context.attributes, "perm"), x.shape.length);
    return [{ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis] as Dim) }];
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const perm = permutation(intsOf(context.attributes, "perm"), x.dims.length);
    const dims = perm.map((axis) => x.dims[axis] as number);
    const strides = stridesOf(x.dims);
    const steps = perm.map((axis) => strides[axis] as number);
    const counts = stridesOf(dims);
    const data = new Float64Array(x.data.length);
    for (let at = 0; at < data.length; at++) {
      let from = 0;
      for (let axis = 0; axis < dims.length; axis++) {
        from +=
          (Math.floor(at / (counts[axis] as number)) % (dims[axis] as number)) * (steps[axis] as number);
      }
      data[at] = x.data[from] as number;
    }
    return [{ ...x, dims, data }];
  },
  vjp: (context) => {
    const perm = permutation(intsOf(context.node.attributes, "perm"), input(context.node, 0).shape.length);
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [context.builder.op("Transpose", [gradient(context)], { perm: inverse })];
  },
};

/** y = x stretched to a shape; g -> g, which the backward walk sums down */
export const Expand: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const wanted = context.dims(1);
    if (wanted === undefined) throw new RuleError("Expand: the shape must be known, at least by symbols");
    return [{ dtype: x.dtype, shape: broadcastShapes(x.shape, wanted) }];
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const dims = broadcastShapes(x.dims, [...real(context, 1).data]) as number[];
    return [
      { ...x, dims, data: Float64Array.from(broadcastIndex(x.dims, dims), (from) => x.data[from] as number) },
    ];
  },
  vjp: (context) => [gradient(context), null],
};

function reshapeBack(context: VjpContext): (Value | null)[] {
  const { builder, node } = context;
  const shape = builder.shapeOf(input(node, 0));
  // A dim that happens to be 0 is a dim here, not the wish to copy one.
  return [builder.op("Reshape", [gradient(context), shape], { allowzero: 1 }), null];
}

/** Works out the one -1 of a Reshape, and refuses a shape of another size where that can be told. */
function solve(shape: readonly Dim[], total: Dim, x: Value): Dim[] {
  const open = shape.indexOf(-1);
  const known = productOfDims(shape.filter((_, at) => at !== open));
  if (open >= 0) {
    const missing = divideDims(total, known);
    if (missing === undefined) {
      throw new RuleError(`Reshape: ${formatShape(x.shape)} doesn't divide into ${formatShape(shape)}`);
    }
    return shape.map((dim, at) => (at === open ? missing : dim));
  }
  if (known !== total) {
    throw new RuleError(
      `Reshape: ${formatShape(x.shape)} holds ${total} elements, ${formatShape(shape)} holds ${known}`,
    );
  }
  return [...shape];
}

function withAxes(shape: readonly Dim[], axes: readonly number[]): Dim[] {
  const rank = shape.length + axes.length;
  const added = axes.map((axis) => axisOf(axis, rank));
  const rest = [...shape];
  return Array.from({ length: rank }, (_, at) => (added.includes(at) ? 1 : (rest.shift() as Dim)));
}

function withoutAxes(shape: readonly Dim[], axes: readonly number[] | undefined): Dim[] {
  const gone =
    axes?.map((axis) => axisOf(axis, shape.length)) ?? shape.flatMap((dim, at) => (dim === 1 ? [at] : []));
  for (const axis of gone) {
    if (shape[axis] !== 1) throw new RuleError(`Squeeze: axis ${axis} of ${formatShape(shape)} isn't 1`);
  }
  return shape.filter((_, at) => !gone.includes(at));
}

function permutation(perm: readonly number[] | undefined, rank: number): number[] {
  const order = perm ?? Array.from({ length: rank }, (_, at) => rank - 1 - at);
  if (
    order.length !== rank ||
    new Set(order).size !== rank ||
    order.some((axis) => axis < 0 || axis >= rank)
  ) {
    throw new RuleError(`Transpose: perm [${order.join(", ")}] isn't an order of ${rank} axes`);
  }
  return [...order];
}
