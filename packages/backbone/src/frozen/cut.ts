import { KilotuneError } from "@kilotune/contract";
import { type Graph, type Initializer, int64, type Node, prune, type Value } from "@kilotune/engine";
import type { FrozenSites } from "./graph.ts";
import type { Stage } from "./stages.ts";

/**
 * A graph in two, where prompts on stages meet it: `lower`, which no prompt changes and which is computed once an image, and
 * `upper`, which reads its outputs.
 *
 * @param read stages and outputs that heads will read: where no prompt changes them, they are outputs of `lower`, too
 * @throws KilotuneError `bad_site` where a prompt joins at the input, so that nothing is below it
 */
export function cutGraph(
  graph: Graph,
  stages: readonly Stage[],
  sites: FrozenSites,
  read: readonly string[],
): { readonly lower: Graph; readonly upper: Graph } {
  if (sites.residual || sites.border !== undefined) throw nothingBelow();
  const placeOf = (name: string) => stages.find((stage) => stage.name === name)?.value ?? name;
  const prompted = new Set((sites.stages ?? []).map(placeOf));
  const wanted = new Set(read.map(placeOf));
  const constants = new Set(graph.initializers.map(({ value }) => value.name));
  const above = dependents(graph, prompted);
  const made = new Set([...above].flatMap(({ outputs }) => outputs.map(({ name }) => name)));
  const cut = new Map<string, Value>();
  for (const node of graph.nodes) {
    for (const input of above.has(node) ? node.inputs : [])
      if (input !== null && !constants.has(input.name) && !made.has(input.name)) cut.set(input.name, input);
    for (const output of node.outputs) {
      const isRead = prompted.has(output.name) || wanted.has(output.name);
      if (isRead && !above.has(node)) cut.set(output.name, output);
    }
  }
  const floats = [...cut.values()].filter(({ dtype }) => dtype === "float32");
  const shapes = shapesOf(
    graph,
    above,
    [...cut.values()].filter(({ dtype }) => dtype !== "float32"),
    floats[0],
  );
  const upper = prune({
    ...graph,
    inputs: floats,
    initializers: [...graph.initializers, ...shapes.initializers],
    nodes: [...shapes.nodes, ...graph.nodes.filter((node) => above.has(node))],
    outputs: graph.outputs.filter((output) => cut.has(output.name) || made.has(output.name)),
  });
  return { lower: prune({ ...graph, outputs: floats }), upper };
}

/** Nodes that a prompt changes. */
function dependents(graph: Graph, prompted: ReadonlySet<string>): Set<Node> {
  const names = new Set(prompted);
  const above = new Set<Node>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => input !== null && names.has(input.name))) continue;
    above.add(node);
    for (const output of node.outputs) names.add(output.name);
  }
  return above;
}

/**
 * Shapes that the upper part needs and the lower one computes on its way: numbers are known but for the number of images,
 * which is read off one of the upper part's inputs.
 */
function shapesOf(graph: Graph, above: ReadonlySet<Node>, needed: readonly Value[], rows: Value | undefined) {
  const nodes: Node[] = [];
  const initializers: Initializer[] = [];
  const done = new Set<string>();
  const visit = (value: Value): void => {
    if (done.has(value.name) || graph.initializers.some((each) => each.value.name === value.name)) return;
    done.add(value.name);
    const node = graph.nodes.find(({ outputs }) => outputs.some(({ name }) => name === value.name));
    if (node === undefined || above.has(node)) return;
    if (node.op !== "Shape") {
      for (const input of node.inputs) if (input !== null) visit(input);
      nodes.push(node);
      return;
    }
    const [first, ...rest] = (node.inputs[0] as Value).shape;
    const isWhole = node.attributes.start === undefined && node.attributes.end === undefined;
    if (
      rows === undefined ||
      typeof first !== "string" ||
      rest.some((dim) => typeof dim !== "number") ||
      !isWhole
    )
      throw nothingBelow();
    const count: Value = { name: `${value.name}.rows`, dtype: "int64", shape: [1] };
    const others: Value = { name: `${value.name}.others`, dtype: "int64", shape: [rest.length] };
    initializers.push({ value: others, source: int64(rest as number[], [rest.length]) });
    const whole = { start: { type: "int", value: 0 }, end: { type: "int", value: 1 } } as const;
    nodes.push({ op: "Shape", name: count.name, inputs: [rows], outputs: [count], attributes: whole });
    const axis = { axis: { type: "int", value: 0 } } as const;
    nodes.push({
      op: "Concat",
      name: node.name,
      inputs: [count, others],
      outputs: [value],
      attributes: axis,
    });
  };
  for (const value of needed) visit(value);
  return { nodes, initializers };
}

function nothingBelow(): KilotuneError {
  return new KilotuneError(
    "bad_site",
    "this graph has nothing below its prompts that could be computed once an image.",
    "Let prompts join at stages alone, or run the whole graph.",
    { kind: "usage" },
  );
}
