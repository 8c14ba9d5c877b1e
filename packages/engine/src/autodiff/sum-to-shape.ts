import type { GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import type { Value } from "../ir/graph.ts";

/**
 * Undoes broadcasting in the backward walk: sums a gradient over the axes that were stretched, and stretches one that
 * a rule left smaller (a scalar zero, say). Here and nowhere else, so that rules contain calculus only.
 */
export function sumToShape(builder: GraphBuilder, gradient: Value, shape: readonly Dim[]): Value {
  const extra = gradient.shape.length - shape.length;
  const leading = Array.from({ length: Math.max(extra, 0) }, (_, axis) => axis);
  let summed =
    leading.length === 0
      ? gradient
      : builder.op("ReduceSum", [gradient, builder.ints(leading)], { keepdims: 0 });
  const stretched = shape.flatMap((dim, axis) => (dim === 1 && summed.shape[axis] !== 1 ? [axis] : []));
  if (extra >= 0 && stretched.length > 0) {
    summed = builder.op("ReduceSum", [summed, builder.ints(stretched)], { keepdims: 1 });
  }
  const fits = summed.shape.length === shape.length && summed.shape.every((dim, axis) => dim === shape[axis]);
  if (fits) return summed;
  return builder.op("Expand", [summed, shapeVector(builder, shape, gradient)]);
}

function shapeVector(builder: GraphBuilder, shape: readonly Dim[], gradient: Value): Value {
  if (shape.every((dim) => typeof dim === "number")) return builder.ints(shape as number[]);
  throw new Error(`a gradient of shape [${gradient.shape.join(", ")}] doesn't fit [${shape.join(", ")}]`);
}
