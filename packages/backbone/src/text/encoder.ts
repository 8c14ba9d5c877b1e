import type { Value } from "@kilotune/engine";
import { type Attended, type Dropout, EncoderParts } from "../encoder/parts.ts";
import type { WeightPlaces } from "../weight-places.ts";
import type { TextConfig } from "./config.ts";

/** BERT's own pieces: embeddings, layers that are normed behind each addition, pooling. */
export class SentenceEncoder extends EncoderParts {
  readonly #config: TextConfig;

  constructor(name: string, config: TextConfig, weights: WeightPlaces) {
    super(name, config, weights);
    this.#config = config;
  }

  /** ids, positions, token types, each [B, S] -> [B, S, H] */
  embed(ids: Value, positions: Value, types: Value): Value {
    const { b } = this;
    const word = b.op("Add", [this.lookUp("embeddings.word", ids), this.lookUp("embeddings.type", types)]);
    return this.norm(b.op("Add", [word, this.lookUp("embeddings.position", positions)]), "embeddings.norm");
  }

  /** Layers `from` to `to` of hidden states [T, H] -> [T, H]; `like` [B, S, ..] tells rows and positions. */
  layers(
    hidden: Value,
    like: Value,
    {
      from = 0,
      to = this.#config.layers,
      attended,
      dropout = (x) => x,
    }: { from?: number; to?: number; attended: (layer: number) => Attended; dropout?: Dropout },
  ): Value {
    let x = hidden;
    for (let layer = from; layer < to; layer++) {
      const { query, key, value } = this.project(x, like, layer);
      const drop = (attention: Value) => dropout(attention, `${layer}.attention`);
      const context = this.attend(query, key, value, attended(layer), drop);
      x = this.#afterAttention(this.joinHeads(context), x, layer, dropout);
    }
    return x;
  }

  /** What `textLowerGraph` gives -> [T, H] behind the last layer. */
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

  /** joined contexts [T, H], hidden states below the layer [T, H] -> hidden states above it [T, H] */
  #afterAttention(joined: Value, below: Value, layer: number, dropout: Dropout): Value {
    const { b } = this;
    const name = `layer.${layer}`;
    const mixed = dropout(this.linear(joined, `${name}.attention.output`), `${layer}.mixed`);
    const x = this.norm(b.op("Add", [mixed, below]), `${name}.attention.norm`);
    const narrow = dropout(this.geluProducts(x, layer), `${layer}.output`);
    return this.norm(b.op("Add", [narrow, x]), `${name}.norm`);
  }

  /** hidden [T, H], pool weights [B, S] (1 / n on each of a row's n text tokens, or 1 on one position) -> [B, H] */
  pooled(hidden: Value, pool: Value): Value {
    const { b } = this;
    const weights = b.op("Unsqueeze", [pool, b.ints([1])]);
    const rows = b.op("Concat", [b.dimOf(pool, 0), b.dimOf(pool, 1), b.ints([this.#config.hiddenSize])], {
      axis: 0,
    });
    const pooled = b.op("MatMul", [weights, b.op("Reshape", [hidden, rows])]);
    return b.op("Squeeze", [pooled, b.ints([1])]);
  }
}
