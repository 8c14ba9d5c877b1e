import { float32, int64, type GraphBuilder, type Value } from "@kilotune/engine";

/**
 * What distances between tokens do to attention, added to a graph. A token's place is how many of its row's tokens stand in
 * front of it, so that padding changes nothing, wherever it is. Soft tokens stand in front of the text, and are so near to it
 * as they would be as words. B rows, S positions, N heads, D head dimension.
 */

/** Distances beyond this get the same number as this one. */
export const FURTHEST_DISTANCE = 128;

/** mask [B, S], 1 on tokens -> each one's place [B, S] */
export function placesOf(b: GraphBuilder, mask: Value): Value {
  const axis = b.constant(int64([1], []));
  return b.op("CumSum", [mask, axis], { exclusive: 1 });
}

/** table [2 * FURTHEST_DISTANCE + 1, N], by the distance of key from query -> what is added to scores, [B, N, S, S] */
export function relativeBias(b: GraphBuilder, table: Value, places: Value): Value {
  const furthest = (sign: 1 | -1) => b.scalar(sign * FURTHEST_DISTANCE);
  const clipped = b.op("Min", [b.op("Max", [distances(b, places), furthest(-1)]), furthest(1)]);
  const rows = b.op("Cast", [b.op("Add", [clipped, furthest(1)])], { to: INT64 });
  return b.op("Transpose", [b.op("Gather", [table, rows], { axis: 0 })], { perm: [0, 3, 1, 2] });
}

/** 0 between tokens that are at most `reach` apart, hugely negative between others, [B, 1, S, S] */
export function reachBias(b: GraphBuilder, reach: number, places: Value): Value {
  const isFar = b.op("Greater", [b.op("Abs", [distances(b, places)]), b.scalar(reach)]);
  return b.op("Unsqueeze", [b.op("Where", [isFar, b.scalar(-1e9), b.scalar(0)]), b.ints([1])]);
}

/** By how much a query or a key is turned at its place. [B, 1, S, D / 2] both */
export interface Turns {
  readonly cos: Value;
  readonly sin: Value;
}

/** Angles in float32, factor and product, as transformers has them: in long texts the rounding counts. */
export function turnsOf(b: GraphBuilder, theta: number, headDim: number, places: Value): Turns {
  const half = headDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, at) => 1 / theta ** ((2 * at) / headDim));
  const column = b.op("Unsqueeze", [places, b.ints([1, 3])]);
  const angles = b.op("Mul", [column, b.constant(float32(frequencies, [half]))]);
  return { cos: b.op("Cos", [angles]), sin: b.op("Sin", [angles]) };
}

/** x [B, N, S, D]: the pairs (x_i, x_{i + D/2}) are turned, all heads alike. */
export function turn(b: GraphBuilder, x: Value, { cos, sin }: Turns, headDim: number): Value {
  const half = headDim / 2;
  const [left, right] = b.node("Split", [x, b.ints([half, half])], { axis: 3 }, { outputs: 2 }) as [
    Value,
    Value,
  ];
  const times = (a: Value, c: Value) => b.op("Mul", [a, c]);
  const turned = [
    b.op("Sub", [times(left, cos), times(right, sin)]),
    b.op("Add", [times(right, cos), times(left, sin)]),
  ];
  return b.op("Concat", turned, { axis: 3 });
}

/** Of each key from each query: how far behind it stands, [B, S, S] */
function distances(b: GraphBuilder, places: Value): Value {
  return b.op("Sub", [b.op("Unsqueeze", [places, b.ints([1])]), b.op("Unsqueeze", [places, b.ints([2])])]);
}

const INT64 = 7;
