import type { Dim } from "../ir/dim.ts";
import { sizeOf } from "../tensor.ts";
import { formatShape, stridesOf } from "./access.ts";
import { RuleError } from "./rule.ts";

/** NumPy's rule on symbolic shapes: equal dims stay, 1 stretches. Two different symbols never match. */
export function broadcastShapes(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, at) => {
    const dimA = a[at - rank + a.length] ?? 1;
    const dimB = b[at - rank + b.length] ?? 1;
    if (dimA === dimB || dimB === 1) return dimA;
    if (dimA === 1) return dimB;
    throw new RuleError(
      `the shapes ${formatShape(a)} and ${formatShape(b)} don't broadcast: ${dimA} against ${dimB}`,
    );
  });
}

/** For each element of `dims`, the index of the element of a tensor of shape `from` that broadcasts onto it. */
export function broadcastIndex(from: readonly number[], dims: readonly number[]): Int32Array {
  const strides = stridesOf(from).map((stride, at) => (from[at] === 1 ? 0 : stride));
  const offset = dims.length - from.length;
  const index = new Int32Array(sizeOf(dims));
  const counter = new Array<number>(dims.length).fill(0);
  let source = 0;
  for (let at = 0; at < index.length; at++) {
    index[at] = source;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const stride = axis < offset ? 0 : (strides[axis - offset] as number);
      const next = (counter[axis] as number) + 1;
      if (next < (dims[axis] as number)) {
        counter[axis] = next;
        source += stride;
        break;
      }
      source -= stride * (counter[axis] as number);
      counter[axis] = 0;
    }
  }
  return index;
}
