import { GraphBuilder } from "../ir/builder.ts";
import type { Graph } from "../ir/graph.ts";
import { float32, int64 } from "../tensor.ts";
import type { Feeds } from "./session.ts";

/** rows [B, 3] W + table[ids], and how many rows there are: floats and integers, in and out. */
export function smallGraph(): Graph {
  const b = new GraphBuilder("small");
  const rows = b.input("rows", "float32", ["B", 3]);
  const ids = b.input("ids", "int64", ["B"]);
  const product = b.op("MatMul", [rows, b.constant(float32([1, 2, 3, 4, 5, 6], [3, 2]), "W")]);
  const looked = b.op("Gather", [b.constant(float32([10, 20, 30, 40], [2, 2]), "table"), ids]);
  b.output(b.op("Add", [product, looked]), "y");
  b.output(b.dimOf(rows, 0), "count");
  return b.build();
}

export const SMALL_FEEDS: Feeds = { rows: float32([1, 0, 0, 0, 1, -1], [2, 3]), ids: int64([0, 1], [2]) };

/** (1, 2) + (10, 20); (3 - 5, 4 - 6) + (30, 40) */
export const SMALL_RESULTS = {
  y: { type: "float32", dims: [2, 2], data: Float32Array.of(11, 22, 28, 38) },
  count: { type: "int64", dims: [1], data: BigInt64Array.of(2n) },
};
