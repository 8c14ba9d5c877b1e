import type { Value } from "@kilotune/engine";
import { type Attended, EncoderParts, type Prefix } from "../encoder/parts.ts";
import type { WeightPlaces } from "../weight-places.ts";
import { tokensOf, type VisionConfig } from "./config.ts";

/**
 * A vision transformer's pieces, normed in front of each part of a layer, added to one graph.
 *
 * B images, S tokens (leading ones, patches, then what a prompt adds), N patches, H hidden size, T = B * S.
 */
export class VisionEncoder extends EncoderParts {
  readonly #config: VisionConfig;

  constructor(name: string, config: VisionConfig, weights: WeightPlaces) {
    super(name, config, weights);
    this.#config = config;
  }

  /** [B, 3, height, width] as the preprocessing makes it */
  pixels(): Value {
    const { height, width } = this.#config;
    return this.b.input("pixels", "float32", ["B", 3, height, width]);
  }

  /** pixels -> tokens [B, S, H] below the first layer */
  embed(pixels: Value): Value {
    const { b } = this;
    const { hiddenSize: H, patchSize, leadingTokens, normsInput } = this.#config;
    const maps = b.op("Conv", [pixels, this.weight("embeddings.patch")], {
      kernel_shape: [patchSize, patchSize],
      strides: [patchSize, patchSize],
    });
    const flat = b.op("Transpose", [b.op("Reshape", [maps, b.ints([0, H, -1])])], { perm: [0, 2, 1] });
    // The patches' bias is within their positions.
    const patches = b.op("Add", [flat, this.weight("embeddings.position")]);
    const tokens =
      leadingTokens === 0
        ? patches
        : b.op("Concat", [this.forEachRow(this.weight("embeddings.leading"), patches), patches], { axis: 1 });
    return normsInput ? this.norm(tokens, "embeddings.norm") : tokens;
  }

  /** Rows [P, H] that all images share -> [B, P, H] */
  forEachRow(shared: Value, like: Value): Value {
    const { b } = this;
    const shape = this.shape(["B", "P", this.#config.hiddenSize], like, shared);
    return b.op("Expand", [b.op("Unsqueeze", [shared, b.ints([0])]), shape]);
  }

  /**
   * Layers `from` to `to` of tokens [B, S, H]. `reads` "class": of the last layer only the first token is wanted, so it
   * alone asks, [B, 1, H] comes out, and that layer costs next to nothing.
   */
  layers(
    tokens: Value,
    {
      from = 0,
      to = this.#config.layers,
      attended = () => ({}),
      reads = "all",
      onLayer,
      onAttention,
    }: LayerOptions,
  ): Value {
    let x = tokens;
    for (let layer = from; layer < to; layer++) {
      const flat = this.flatten(x);
      const normed = this.norm(flat, `layer.${layer}.norm1`);
      const asking = reads === "class" && layer === this.#config.layers - 1 ? this.#first(x) : x;
      const { prefix, bias, added } = attended(layer);
      const asks = asking === x ? normed : this.norm(this.flatten(asking), `layer.${layer}.norm1`);
      const own = this.keys(normed, x, layer, added);
      const query = this.query(asks, asking, layer, added);
      const all = prefix === undefined ? own : this.#inFront(prefix, own, x);
      const context = this.attend(
        query,
        all.key,
        all.value,
        bias === undefined ? {} : { bias },
        (weights) => {
          onAttention?.(layer, weights);
          return weights;
        },
      );
      x = this.#afterAttention(this.joinHeads(context), asking, layer);
      onLayer?.(layer + 1, x);
    }
    return x;
  }

  /** Tokens below a layer -> all of that layer that no prefix changes, [B, S, 3 H + heads]. */
  cutAt(tokens: Value, layer: number): Value {
    const flat = this.flatten(tokens);
    return this.attendAlone(flat, this.norm(flat, `layer.${layer}.norm1`), tokens, layer);
  }

  /** What `cutAt` gave -> tokens behind the layers from there on. */
  layersFromCut(frozen: Value, firstLayer: number, options: LayerOptions): Value {
    const { attended = (): Attended => ({}), reads, onLayer } = options;
    const isLast = firstLayer === this.#config.layers - 1;
    const parts = this.partsOfAlone(reads === "class" && isLast ? this.#first(frozen) : frozen);
    const [hidden, query, context, logWeight] = parts;
    const { prefix } = attended(firstLayer);
    const joined =
      prefix === undefined
        ? context
        : this.addPrefix(query, context, logWeight, prefix, (weights) => weights);
    const x = this.#afterAttention(this.flatten(joined), hidden, firstLayer);
    onLayer?.(firstLayer + 1, x);
    return this.layers(x, { ...options, from: firstLayer + 1 });
  }

  /**
   * VPT's deep prompts of a layer, [P, H] -> the prefix that they are: what a layer makes of its prompt tokens is replaced
   * at the next one, so nobody asks on their behalf; they are keys and values, the same for all images.
   */
  prefixOf(tokens: Value, layer: number): Prefix {
    const row = this.b.op("Unsqueeze", [tokens, this.b.ints([0])]);
    return this.keys(this.norm(tokens, `layer.${layer}.norm1`), row, layer);
  }

  /** Tokens [B, S, H] behind some layer, normed as behind the last -> the class token [B, H] */
  classToken(tokens: Value): Value {
    const first = this.#first(tokens);
    return this.#lastNorm(this.b.op("Squeeze", [first, this.b.ints([1])]));
  }

  /** Tokens [B, S, H] behind some layer, normed as behind the last -> patches [B, N, H], row by row of the image */
  patches(tokens: Value): Value {
    const { b } = this;
    const [start, end] = [this.#config.leadingTokens, tokensOf(this.#config)];
    return this.#lastNorm(b.op("Slice", [tokens, b.ints([start]), b.ints([end]), b.ints([1])]));
  }

  #lastNorm(tokens: Value): Value {
    return this.#config.normsOutput ? this.norm(tokens, "norm") : tokens;
  }

  #first(tokens: Value): Value {
    const { b } = this;
    return b.op("Slice", [tokens, b.ints([0]), b.ints([1]), b.ints([1])]);
  }

  /**
   * A prefix and a layer's own keys and values in one piece each. An image has more tokens than a head has numbers, so
   * that copying these is far less than taking scores apart and together, as is done for short texts.
   */
  #inFront(prefix: Prefix, own: Prefix, like: Value): Prefix {
    const { b } = this;
    const { heads, headDim } = this.#config;
    const joined = (front: Value, back: Value) => {
      const shape = this.shape(["B", heads, "P", headDim], like, front);
      return b.op("Concat", [front.shape[0] === 1 ? b.op("Expand", [front, shape]) : front, back], {
        axis: 2,
      });
    };
    return { key: joined(prefix.key, own.key), value: joined(prefix.value, own.value) };
  }

  /** joined contexts [T, H], tokens below the layer [B, S, H] -> tokens above it */
  #afterAttention(joined: Value, below: Value, layer: number): Value {
    const { b } = this;
    const x = b.op("Add", [this.linear(joined, `layer.${layer}.attention.output`), this.flatten(below)]);
    const out = b.op("Add", [this.#mlp(this.norm(x, `layer.${layer}.norm2`), layer), x]);
    return b.op("Reshape", [out, b.shapeOf(below)]);
  }

  #mlp(x: Value, layer: number): Value {
    const { b } = this;
    const { activation, mlp, intermediateSize: I } = this.#config;
    const [into, out] = [`layer.${layer}.intermediate`, `layer.${layer}.output`];
    if (mlp === "gated") {
      const halves = b.node("Split", [this.linear(x, into), b.ints([I, I])], { axis: 1 }, { outputs: 2 });
      const [gate, wide] = halves as [Value, Value];
      return this.linear(b.op("Mul", [this.#silu(gate), wide]), out);
    }
    switch (activation) {
      case "gelu":
        return this.geluProducts(x, layer);
      case "gelu-sigmoid":
        return this.linear(this.#silu(this.linear(x, into, { scale: 1.702 })), out, {
          inputScale: 1 / 1.702,
        });
      case "silu":
        return this.linear(this.#silu(this.linear(x, into)), out);
      case "relu":
        return this.linear(b.op("Relu", [this.linear(x, into)]), out);
      case "gelu-tanh": {
        const z = this.linear(x, into);
        const cube = b.op("Mul", [b.op("Mul", [z, z]), b.op("Mul", [z, b.scalar(0.044715)])]);
        const inner = b.op("Mul", [b.op("Add", [z, cube]), b.scalar(Math.sqrt(2 / Math.PI))]);
        const wide = b.op("Mul", [z, b.op("Add", [b.op("Tanh", [inner]), b.scalar(1)])]);
        return this.linear(wide, out, { inputScale: 0.5 });
      }
    }
  }

  #silu(x: Value): Value {
    return this.b.op("Mul", [x, this.b.op("Sigmoid", [x])]);
  }
}

export interface LayerOptions {
  readonly from?: number;
  readonly to?: number;
  readonly attended?: (layer: number) => Attended;
  readonly reads?: "all" | "class";
  /** Told the tokens behind each layer, and how many layers that is. */
  readonly onLayer?: (layers: number, tokens: Value) => void;
  /** Told the weights of a layer's attention, [B, heads, queries, keys], a prefix's keys in front. */
  readonly onAttention?: (layer: number, weights: Value) => void;
}
