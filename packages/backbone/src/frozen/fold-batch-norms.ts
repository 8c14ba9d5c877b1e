import {
  float32,
  type Graph,
  type Initializer,
  type Node,
  prune,
  type Tensor,
  type Value,
} from "@kilotune/engine";

/**
 * Batch norms behind convolutions, as they are once training is over, become part of the convolutions' weights: with
 * r = scale / sqrt(variance + epsilon), weight * r and (bias - mean) * r + shift.
 */
export function foldBatchNorms(graph: Graph): Graph {
  const constants = new Map<string, Tensor>();
  for (const { value, source } of graph.initializers) if ("data" in source) constants.set(value.name, source);
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output.name, node] as const)),
  );
  const reads = new Map<string, number>();
  for (const name of [
    ...graph.nodes.flatMap((node) => node.inputs.map((each) => each?.name)),
    ...graph.outputs.map((each) => each.name),
  ])
    if (name !== undefined) reads.set(name, (reads.get(name) ?? 0) + 1);
  const added: Initializer[] = [];
  const replaced = new Map<Node, Node | undefined>();
  for (const node of graph.nodes) {
    if (node.op !== "BatchNormalization") continue;
    const convolution = producers.get((node.inputs[0] as Value).name);
    if (convolution?.op !== "Conv" || reads.get((node.inputs[0] as Value).name) !== 1) continue;
    const [weight, bias] = convolution.inputs
      .slice(1)
      .map((input) => (input ? constants.get(input.name) : undefined));
    const statistics = node.inputs
      .slice(1)
      .map((input) => constants.get((input as Value).name)?.data as Float32Array);
    if (weight === undefined || statistics.some((each) => each === undefined)) continue;
    if (convolution.inputs[2] && bias === undefined) continue;
    const folded = fold(
      weight,
      bias,
      statistics as [Float32Array, Float32Array, Float32Array, Float32Array],
      epsilonOf(node),
    );
    const values = [folded.weight, folded.bias].map((source, at): Initializer => {
      const name = `${node.outputs[0]?.name}.${at === 0 ? "weight" : "bias"}`;
      return { value: { name, dtype: "float32", shape: source.dims }, source };
    });
    added.push(...values);
    const inputs = [convolution.inputs[0] as Value, ...values.map(({ value }) => value)];
    replaced.set(convolution, undefined);
    replaced.set(node, { ...convolution, inputs, outputs: node.outputs });
  }
  const nodes = graph.nodes.flatMap((node) => {
    if (!replaced.has(node)) return [node];
    const other = replaced.get(node);
    return other === undefined ? [] : [other];
  });
  return prune({ ...graph, nodes, initializers: [...graph.initializers, ...added] });
}

function fold(
  weight: Tensor,
  bias: Tensor | undefined,
  [scale, shift, mean, variance]: [Float32Array, Float32Array, Float32Array, Float32Array],
  epsilon: number,
): { weight: Tensor; bias: Tensor } {
  const ratio = Float64Array.from(scale, (x, at) => x / Math.sqrt((variance[at] as number) + epsilon));
  const size = weight.data.length / ratio.length;
  const weights = (weight.data as Float32Array).map((x, at) => x * (ratio[Math.floor(at / size)] as number));
  const biases = Float32Array.from(ratio, (by, at) => {
    const before = Number(bias?.data[at] ?? 0);
    return (before - (mean[at] as number)) * by + (shift[at] as number);
  });
  return { weight: float32(weights, weight.dims), bias: float32(biases, [biases.length]) };
}

function epsilonOf({ attributes }: Node): number {
  return attributes.epsilon?.type === "float" ? attributes.epsilon.value : 1e-5;
}
