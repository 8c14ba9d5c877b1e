import type { Graph, Node } from "../ir/graph.ts";

/** Drops what no output needs: nodes, initializers, and optional outputs at the end of a node. Inputs stay. */
export function prune(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const kept: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output.name))) continue;
    const last = node.outputs.findLastIndex((output) => needed.has(output.name));
    // Split's outputs say how many parts there are, so they stay whole.
    kept.push(node.op === "Split" ? node : { ...node, outputs: node.outputs.slice(0, last + 1) });
    for (const input of node.inputs) if (input !== null) needed.add(input.name);
  }
  return {
    ...graph,
    nodes: kept.reverse(),
    initializers: graph.initializers.filter(({ value }) => needed.has(value.name)),
  };
}
