import { EngineError } from "../error.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Composite, Graph, Node, Value } from "../ir/graph.ts";
import { formatNode } from "../ir/print.ts";
import { RuleError } from "../ops/rule.ts";
import { OPS } from "../ops/table.ts";
import { prune } from "./prune.ts";
import { sumToShape } from "./sum-to-shape.ts";

/**
 * Reverse-mode differentiation as graph to graph: the result computes what `graph` computes, and for each name in
 * `wrt` an output `grad.<name>`, the gradient of the scalar output `loss`.
 *
 * Only nodes on a path from `wrt` to the loss are walked, so a frozen weight never gets a gradient and a layer below
 * the first prompt costs nothing.
 */
export function differentiate(graph: Graph, { loss, wrt }: { loss: string; wrt: readonly string[] }): Graph {
  const builder = new GraphBuilder(`${graph.name}.grad`, graph);
  const lossValue = graph.outputs.find((output) => output.name === loss);
  if (lossValue === undefined) throw new Error(`${graph.name} has no output ${loss}`);
  if (lossValue.shape.length !== 0)
    throw new Error(`the loss is a scalar, seen: [${lossValue.shape.join(", ")}]`);
  const parameters = wrt.map((name) => {
    const input = graph.inputs.find((candidate) => candidate.name === name);
    if (input === undefined) throw new Error(`${graph.name} has no input ${name}`);
    if (input.dtype !== "float32") {
      throw new EngineError(
        "not_differentiable",
        `gradients are computed in float32, ${name} is ${input.dtype}`,
        "Give the parameter as float32 and cast it inside the graph.",
      );
    }
    return input;
  });

  const composites = new Map((graph.composites ?? []).map((each) => [each.output.name, each]));
  const active = dependents(graph, parameters, composites);
  const gradients = new Map<string, Value>([[loss, builder.scalar(1)]]);
  for (const node of [...graph.nodes].reverse()) {
    const reached = node.outputs.some((output) => gradients.has(output.name));
    const composite = compositeOf(node, composites);
    const { inputs } = composite ?? node;
    if (!reached || !inputs.some((input) => input !== null && active.has(input.name))) continue;
    const contributions =
      composite === undefined
        ? backward(builder, node, gradients, active)
        : composite.vjp(builder, gradients.get(composite.output.name) as Value);
    inputs.forEach((input, index) => {
      const contribution = contributions[index];
      if (input === null || contribution === null || contribution === undefined || !active.has(input.name))
        return;
      const summed = sumToShape(builder, contribution, input.shape);
      const before = gradients.get(input.name);
      gradients.set(input.name, before === undefined ? summed : builder.op("Add", [before, summed]));
    });
  }

  for (const parameter of parameters) {
    const found = gradients.get(parameter.name);
    if (found === undefined) {
      throw new EngineError(
        "not_differentiable",
        `${loss} doesn't depend on ${parameter.name} by any path that passes a gradient`,
        "Leave the parameter out, or check that the graph reads it.",
      );
    }
    builder.output(found, `grad.${parameter.name}`);
  }
  return prune(builder.build());
}

function backward(
  builder: GraphBuilder,
  node: Node,
  gradients: ReadonlyMap<string, Value>,
  active: ReadonlySet<string>,
): readonly (Value | null)[] {
  const { vjp } = OPS[node.op];
  if (vjp === "none") return [];
  const refuse = (cause?: RuleError) =>
    new EngineError(
      "not_differentiable",
      `no gradient rule${cause === undefined ? "" : ` (${cause.message})`} for ${formatNode(node)}`,
      "Move the prompt site above this node, or add the rule to the op's file.",
      { cause },
    );
  if (vjp === "unsupported") throw refuse();
  try {
    return vjp({
      builder,
      node,
      outputGradients: node.outputs.map((output) => gradients.get(output.name) ?? null),
      needs: (index) => active.has(node.inputs[index]?.name ?? ""),
    });
  } catch (error) {
    throw error instanceof RuleError ? refuse(error) : error;
  }
}

type Composites = ReadonlyMap<string, Composite>;

/** The composite that ends in the node. */
function compositeOf(node: Node, composites: Composites): Composite | undefined {
  return composites.get(node.outputs[0]?.name ?? "");
}

/** Names of all values that depend on the parameters by a path that passes gradients: a path of floats. */
function dependents(graph: Graph, parameters: readonly Value[], composites: Composites): Set<string> {
  const active = new Set(parameters.map((parameter) => parameter.name));
  for (const node of graph.nodes) {
    const composite = compositeOf(node, composites);
    if (composite === undefined && OPS[node.op].vjp === "none") continue;
    const { inputs } = composite ?? node;
    if (inputs.some((input) => input !== null && active.has(input.name))) {
      for (const output of node.outputs) if (output.dtype.startsWith("float")) active.add(output.name);
    }
  }
  return active;
}
