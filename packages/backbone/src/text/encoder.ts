import type { Value } from "@kilotune/engine";
import type { Additions } from "../encoder/additions.ts";
import { type Attended, type Dropout, EncoderParts, type Prefix } from "../encoder/parts.ts";
import type { WeightPlaces } from "../weight-places.ts";
import type { TextConfig } from "./config.ts";
import { placesOf, reachBias, relativeBias, type Turns, turn, turnsOf } from "./positions.ts";

/** The pieces of all families of texts: embeddings, layers with what tells tokens where they stand, pooling. */
export class SentenceEncoder extends EncoderParts {
  readonly #config: TextConfig;
  readonly #turns = new Map<number, Turns>();
  /** Of each row's tokens, [B, S]. Known from `biases` on. */
  #places: Value | undefined;

  constructor(name: string, config: TextConfig, weights: WeightPlaces) {
    super(name, config, weights);
    this.#config = config;
  }

  /** ids, positions, token types, each [B, S] -> [B, S, H] */
  embed(ids: Value, positions: Value, types: Value): Value {
    const { b } = this;
    const { typeVocabSize, positions: scheme } = this.#config;
    let sum = this.lookUp("embeddings.word", ids);
    if (typeVocabSize > 0) sum = b.op("Add", [sum, this.lookUp("embeddings.type", types)]);
    if (scheme.kind !== "rotary") sum = b.op("Add", [sum, this.lookUp("embeddings.position", positions)]);
    return this.norm(sum, "embeddings.norm");
  }

  /**
   * What is added to the scores between the tokens of a row, by layer, [B, 1 or N, 1 or S, S]: padding isn't seen, nor what is
   * out of a layer's reach; distances have their weight. Keys of a prefix stand nowhere and are seen by all. Called once,
   * before any layer is added.
   * @param mask [B, S], 1 on tokens
   */
  biases(mask: Value): (layer: number) => Value {
    const { b } = this;
    const { positions } = this.#config;
    const padding = this.maskBias(mask, ["B", 1, 1, "S"]);
    if (positions.kind === "absolute") return () => padding;
    const places = placesOf(b, mask);
    this.#places = places;
    const plus = (bias: Value) => b.op("Add", [padding, bias]);
    if (positions.kind === "relative") {
      const bias = plus(relativeBias(b, this.weight("embeddings.relative"), places));
      return () => bias;
    }
    const known = new Map<number, Value>();
    return (layer) => {
      const reach = positions.layers[layer]?.reach;
      if (reach === undefined) return padding;
      const bias = known.get(reach) ?? plus(reachBias(b, reach, places));
      known.set(reach, bias);
      return bias;
    };
  }

  /** As EncoderParts has it; queries and keys turned by their places where the family does that. */
  override project(
    x: Value,
    like: Value,
    layer: number,
    added: Additions = {},
  ): { query: Value; key: Value; value: Value } {
    const { query, key, value } = super.project(x, like, layer, added);
    const { positions, headDim } = this.#config;
    if (positions.kind !== "rotary") return { query, key, value };
    if (this.#places === undefined)
      throw new Error("a layer was added before the places of its tokens are known");
    const { theta } = positions.layers[layer] as { theta: number };
    const turns = this.#turns.get(theta) ?? turnsOf(this.b, theta, headDim, this.#places);
    this.#turns.set(theta, turns);
    return { query: turn(this.b, query, turns, headDim), key: turn(this.b, key, turns, headDim), value };
  }

  /**
   * Deep prompts of a layer, [P, H] -> the prefix that they are: what a layer makes of its prompt tokens is replaced at the next
   * one, so nobody asks on their behalf; they are keys and values, the same for all texts, and stand nowhere.
   */
  prefixOf(tokens: Value, layer: number): Prefix {
    const row = this.b.op("Unsqueeze", [tokens, this.b.ints([0])]);
    return this.keys(this.#asked(tokens, layer), row, layer);
  }

  /** Layers `from` to `to` of hidden states [T, H] -> [T, H], normed behind the last; `like` [B, S, ..] tells rows and positions. */
  layers(
    hidden: Value,
    like: Value,
    {
      from = 0,
      to = this.#config.layers,
      attended,
      dropout = (x) => x,
      onLayer,
    }: {
      from?: number;
      to?: number;
      attended: (layer: number) => Attended;
      dropout?: Dropout;
      /** Told of what a layer reads, [T, H], and of its own keys and values, each [B, N, S, D]. */
      onLayer?: (layer: number, read: Value, key: Value, value: Value) => void;
    },
  ): Value {
    let x = hidden;
    for (let layer = from; layer < to; layer++) {
      const around = attended(layer);
      const { query, key, value } = this.project(this.#asked(x, layer), like, layer, around.added);
      onLayer?.(layer, x, key, value);
      const drop = (attention: Value) => dropout(attention, `${layer}.attention`);
      const context = this.attend(query, key, value, around, drop);
      x = this.#afterAttention(this.joinHeads(context), x, layer, dropout, around.added);
    }
    return to === this.#config.layers && this.#config.norms === "in front" ? this.norm(x, "norm") : x;
  }

  /** Hidden states [T, H] below a layer -> all of that layer that no prefix changes, [B, S, 3 H + N]. */
  cutAt(hidden: Value, like: Value, layer: number, bias: Value): Value {
    return this.attendAlone(hidden, this.#asked(hidden, layer), like, layer, bias);
  }

  /** What the lower graph gives -> [T, H] behind the last layer. */
  upperLayers(
    frozen: Value,
    firstLayer: number,
    attended: (layer: number) => Attended,
    dropout: Dropout,
  ): Value {
    if (firstLayer === 0) return this.layers(this.flatten(frozen), frozen, { attended, dropout });
    const [hidden, query, context, logWeight] = this.partsOfAlone(frozen);
    const { prefix } = attended(firstLayer);
    const joined =
      prefix === undefined
        ? context
        : this.addPrefix(query, context, logWeight, prefix, (x) => dropout(x, `${firstLayer}.attention`));
    const x = this.#afterAttention(this.flatten(joined), this.flatten(hidden), firstLayer, dropout);
    return this.layers(x, frozen, { from: firstLayer + 1, attended, dropout });
  }

  /** What a layer's queries, keys and values are made of. The first layer's input is normed already. */
  #asked(x: Value, layer: number): Value {
    const norms = this.#config.norms === "in front" && layer > 0;
    return norms ? this.norm(x, `layer.${layer}.attention.norm`) : x;
  }

  /** joined contexts [T, H], hidden states below the layer [T, H] -> hidden states above it [T, H] */
  #afterAttention(
    joined: Value,
    below: Value,
    layer: number,
    dropout: Dropout,
    added: Additions = {},
  ): Value {
    const { b } = this;
    const name = `layer.${layer}`;
    const inFront = this.#config.norms === "in front";
    const own = this.linear(joined, `${name}.attention.output`, { added: added["attention.output"] });
    const sum = b.op("Add", [dropout(own, `${layer}.mixed`), below]);
    const x = inFront ? sum : this.norm(sum, `${name}.attention.norm`);
    const wide = inFront ? this.norm(x, `${name}.norm`) : x;
    const narrow =
      this.#config.mlp === "gated" ? this.#gated(wide, layer, added) : this.geluProducts(wide, layer, added);
    const out = b.op("Add", [dropout(narrow, `${layer}.output`), x]);
    return inFront ? out : this.norm(out, `${name}.norm`);
  }

  /** gelu(u) v of the two halves of the wide layer. With z = u / sqrt 2 and w = v / sqrt 2 that is z (1 + erf z) w. */
  #gated(x: Value, layer: number, added: Additions): Value {
    const { b } = this;
    const { intermediateSize: I } = this.#config;
    const name = `layer.${layer}`;
    const both = this.linear(x, `${name}.intermediate`, { scale: Math.SQRT1_2, added: added.intermediate });
    const [z, w] = b.node("Split", [both, b.ints([I, I])], { axis: 1 }, { outputs: 2 }) as [Value, Value];
    const gelu = b.op("Mul", [z, b.op("Add", [b.op("Erf", [z]), b.scalar(1)])]);
    return this.linear(b.op("Mul", [gelu, w]), `${name}.output`, { added: added.output });
  }

  /**
   * hidden [T, H], pool weights [B, S] (1 / n on each of a row's n text tokens, or 1 on one position) -> [B, H]: the weighted
   * sum, or the largest numbers among the tokens that have a weight.
   */
  pooled(hidden: Value, pool: Value): Value {
    const { b } = this;
    const rows = b.op("Concat", [b.dimOf(pool, 0), b.dimOf(pool, 1), b.ints([this.#config.hiddenSize])], {
      axis: 0,
    });
    const states = b.op("Reshape", [hidden, rows]);
    if (this.#config.maxPooling) {
      const seen = b.op("Unsqueeze", [b.op("Greater", [pool, b.scalar(0)]), b.ints([2])]);
      const candidates = b.op("Where", [seen, states, b.scalar(-1e9)]);
      return b.op("ReduceMax", [candidates, b.ints([1])], { keepdims: 0 });
    }
    const weights = b.op("Unsqueeze", [pool, b.ints([1])]);
    return b.op("Squeeze", [b.op("MatMul", [weights, states]), b.ints([1])]);
  }
}
