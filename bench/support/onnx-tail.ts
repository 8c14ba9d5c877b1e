import { readFile } from "node:fs/promises";
import { decodeOnnx, type Graph, prune, type Value } from "@kilotune/engine";

/** What an exported graph makes of one of its values: the graph from there on, with that value as its input `tokens`. */
export async function readTail(file: string, name: string): Promise<Graph> {
  const graph = decodeOnnx(new Uint8Array(await readFile(file)), { sizeBytes: 2 ** 30, fold: true });
  const made = graph.nodes.findIndex(({ outputs }) => outputs.some((output) => output.name === name));
  const value = graph.nodes[made]?.outputs.find((output) => output.name === name) as Value;
  const tokens: Value = { ...value, name: "tokens" };
  const renamed = (input: Value | null) => (input?.name === name ? tokens : input);
  const nodes = graph.nodes.slice(made + 1).map((node) => ({ ...node, inputs: node.inputs.map(renamed) }));
  const tail = prune({ ...graph, nodes });
  const read = new Set(tail.nodes.flatMap((node) => node.inputs.map((input) => input?.name)));
  // The image's own size, which the decoder's last step asks for, is among what was folded.
  return { ...tail, inputs: [tokens, ...tail.inputs.filter((input) => read.has(input.name))] };
}
