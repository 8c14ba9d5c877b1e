import { isExternal, type Attribute, type Graph, type Node, type Value } from "./graph.ts";

/** The graph as text, one line a value: for error messages, tests and people. */
export function printGraph(graph: Graph): string {
  const lines = [`graph ${graph.name}(${graph.inputs.map(formatValue).join(", ")})`];
  for (const { value, source } of graph.initializers) {
    const from = isExternal(source)
      ? `${source.location} @${source.offset}+${source.length}`
      : source.data.length <= 8
        ? `{${source.data.join(", ")}}`
        : `{${source.data.length} elements}`;
    lines.push(`  ${formatValue(value)} = ${from}`);
  }
  for (const node of graph.nodes) lines.push(`  ${formatNode(node)}`);
  lines.push(`  return ${graph.outputs.map((output) => output.name).join(", ")}`);
  return lines.join("\n");
}

export function formatNode(node: Node): string {
  const outputs = node.outputs.map(formatValue).join(", ");
  const inputs = node.inputs.map((input) => (input === null ? "-" : formatValue(input))).join(", ");
  const attributes = Object.entries(node.attributes).map(
    ([name, value]) => `${name}=${formatAttribute(value)}`,
  );
  // A node that failed inference has no outputs yet, only the name that they were to have.
  return `${outputs === "" ? node.name : outputs} = ${node.op}(${[inputs, ...attributes].join("; ")})`;
}

function formatValue(value: Value): string {
  return `${value.name}: ${value.dtype}[${value.shape.join(", ")}]`;
}

function formatAttribute(attribute: Attribute): string {
  if (attribute.type === "ints") return `[${attribute.value.join(", ")}]`;
  if (attribute.type === "tensor") return `tensor[${attribute.value.dims.join(", ")}]`;
  return String(attribute.value);
}
