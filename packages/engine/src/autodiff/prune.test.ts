import { expect, it } from "vitest";
import { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { float32 } from "../tensor.ts";
import { prune } from "./prune.ts";

it("drops nodes and initializers that no output needs, and keeps the inputs", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", "float32", [2]);
  b.op("Exp", [b.op("Add", [x, b.constant(float32([1, 2], [2]), "dead")])]);
  b.output(b.op("Mul", [x, b.constant(float32([3, 4], [2]), "live")]), "y");
  b.input("unread", "float32", [2]);
  const pruned = prune(b.build());
  expect(pruned.nodes.map(({ op }) => op)).toEqual(["Mul", "Identity"]);
  expect(pruned.initializers.map(({ value }) => value.name)).toEqual(["live"]);
  expect(pruned.inputs.map(({ name }) => name)).toEqual(["x", "unread"]);
});

it("drops optional outputs at the end of a node, but no part of a Split", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", "float32", [2, 4]);
  const [y] = b.node("LayerNormalization", [x, b.constant(float32([1, 1, 1, 1], [4]))], {}, { outputs: 3 });
  const [left] = b.node("Split", [y as Value], { axis: 1, num_outputs: 2 }, { outputs: 2 });
  b.output(left as Value);
  expect(prune(b.build()).nodes.map(({ op, outputs }) => [op, outputs.length])).toEqual([
    ["LayerNormalization", 1],
    ["Split", 2],
  ]);
});
