import type { Graph, Value } from "@kilotune/engine";
import { splitAxis } from "./additions.ts";
import type { EncoderParts, EncoderSizes, Prefix } from "./parts.ts";

/**
 * `deep` [L - firstLayer, P, H] -> the prefix `kv` [L - firstLayer, 2, N, P, D] that serves in its place, once a prompt.
 * @param encoder a new one: it becomes the graph
 */
export function prefixGraph(
  encoder: EncoderParts & { prefixOf(tokens: Value, layer: number): Prefix },
  { layers, hiddenSize }: EncoderSizes,
  firstLayer: number,
): Graph {
  const { b } = encoder;
  const prompted = layers - firstLayer;
  const deep = b.input("deep", "float32", [prompted, "P", hiddenSize]);
  const pairs = splitAxis(b, deep, 0, prompted).map((tokens, at) => {
    const { key, value } = encoder.prefixOf(tokens, firstLayer + at);
    return b.op("Unsqueeze", [b.op("Concat", [key, value], { axis: 0 }), b.ints([0])]);
  });
  b.output(b.op("Concat", pairs, { axis: 0 }), "kv");
  return b.build();
}
