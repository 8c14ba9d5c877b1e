import type { Graph, Value } from "@kilotune/engine";
import { additionDims, sharedAdditions, splitAxis } from "../encoder/additions.ts";
import type { Attended } from "../encoder/parts.ts";
import type { WeightPlaces } from "../weight-places.ts";
import { tokensOf, type VisionConfig } from "./config.ts";
import { VisionEncoder } from "./encoder.ts";
import type { EncoderSite } from "./graph.ts";

/**
 * Pixels and one prompt -> where images look: the weights of the attention itself, for people to see.
 *
 * B images, S tokens of an image, N heads, P prompt tokens, H hidden size, D head dim; A the layers that are asked for.
 */

/** Deep prompts are looked at as the `kv` that they are. */
export type LookedAt = Exclude<EncoderSite, { kind: "deep" }>;

/**
 * Means over heads. kv, soft: `prompt` [B, A, S, P + 1], how much each of the image's tokens looks at each of the prompt's, and
 * last at all the others; none, lora: `class` [B, A, S], how much the first token, that of the class, looks at each. Rows sum
 * to one. Inputs are those of `visionUpper`, with `pixels` in place of `hidden`.
 *
 * @param layers in ascending order, none below the first that has a prompt
 */
export function visionAttentionGraph(
  config: VisionConfig,
  weights: WeightPlaces,
  site: LookedAt,
  layers: readonly number[],
): Graph {
  const vit = new VisionEncoder("attention", config, weights);
  const { b } = vit;
  const S = tokensOf(config);
  const image = vit.embed(vit.pixels());
  const prompt = promptOf(vit, config, site);
  const seen: Value[] = [];
  const slice = (x: Value, axis: number, from: number, to: number) =>
    b.op("Slice", [x, b.ints([from]), b.ints([to]), b.ints([axis])]);
  /** One layer's weights [B, N, queries, keys] -> a part of the output, with an axis for the layers. */
  const look = (attention: Value): Value => {
    const mean = b.op("ReduceMean", [attention, b.ints([1])], { keepdims: 1 });
    if (prompt.tokens === undefined) return b.op("Squeeze", [slice(mean, 2, 0, 1), b.ints([2])]);
    const asking = slice(mean, 2, 0, S);
    const own = b.ints([S]);
    const count = b.dimOf(prompt.tokens, prompt.tokens.shape.length - 2);
    // A prefix stands in front of the image's own keys, soft tokens behind them.
    const sizes = b.op("Concat", prompt.isBehind ? [own, count] : [count, own], { axis: 0 });
    const parts = b.node("Split", [asking, sizes], { axis: 3 }, { outputs: 2 }) as [Value, Value];
    const [toPrompt, toOthers] = prompt.isBehind ? [parts[1], parts[0]] : parts;
    const rest = b.op("ReduceSum", [toOthers, b.ints([3])], { keepdims: 1 });
    return b.op("Concat", [toPrompt, rest], { axis: 3 });
  };
  const tokens = prompt.isBehind
    ? b.op("Concat", [image, vit.forEachRow(prompt.tokens as Value, image)], { axis: 1 })
    : image;
  vit.layers(tokens, {
    to: (layers.at(-1) as number) + 1,
    attended: prompt.attended,
    onAttention: (layer, attention) => {
      if (layers.includes(layer)) seen.push(look(attention));
    },
  });
  const all = seen.length === 1 ? (seen[0] as Value) : b.op("Concat", seen, { axis: 1 });
  b.output(all, prompt.tokens === undefined ? "class" : "prompt");
  return b.build();
}

interface Joined {
  /** What is looked at, [.., P, any]; of prompts without tokens nothing. */
  readonly tokens?: Value;
  /** Beside the image's tokens, not in front of keys and values. */
  readonly isBehind: boolean;
  readonly attended: (layer: number) => Attended;
}

/** The prompt's input, and how it joins the layers. */
function promptOf(vit: VisionEncoder, config: VisionConfig, site: LookedAt): Joined {
  const { layers: L, heads, headDim: D, hiddenSize: H } = config;
  const { b } = vit;
  switch (site.kind) {
    case "none":
      return { isBehind: false, attended: () => ({}) };
    case "soft":
      return { tokens: b.input("soft", "float32", ["P", H]), isBehind: true, attended: () => ({}) };
    case "lora": {
      const { kind, firstLayer } = site;
      const lora = b.input(kind, "float32", additionDims(kind, config, firstLayer, "R"));
      const { ofLayer } = sharedAdditions(b, kind, lora, config, firstLayer);
      return { isBehind: false, attended: (layer) => ({ added: ofLayer(layer) }) };
    }
    case "kv": {
      const prompted = L - site.firstLayer;
      const kv = b.input("kv", "float32", [prompted, 2, heads, "P", D]);
      const parts = splitAxis(
        b,
        b.op("Reshape", [kv, b.ints([2 * prompted, heads, -1, D])]),
        0,
        2 * prompted,
      );
      const shared = (part: number) => b.op("Unsqueeze", [parts[part] as Value, b.ints([0])]);
      return {
        tokens: kv,
        isBehind: false,
        attended(layer) {
          const at = 2 * (layer - site.firstLayer);
          return at < 0 ? {} : { prefix: { key: shared(at), value: shared(at + 1) } };
        },
      };
    }
  }
}
