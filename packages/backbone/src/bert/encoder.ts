import { float, GraphBuilder, normalize, type Value } from "@kilotune/engine";
import type { WeightPlaces } from "../weight-places.ts";
import type { BertConfig } from "./config.ts";

/** The encoder's pieces, added to one graph: embeddings, layers, pooling. */
export class Bert {
  readonly b: GraphBuilder;
  readonly #config: BertConfig;
  readonly #weights: WeightPlaces;

  constructor(name: string, config: BertConfig, weights: WeightPlaces) {
    this.b = new GraphBuilder(name);
    this.#config = config;
    this.#weights = weights;
  }

  /** ids, positions, token types, each [B, S] -> [B, S, H] */
  embed(ids: Value, positions: Value, types: Value): Value {
    const { b } = this;
    const pick = (table: string, index: Value) => b.op("Gather", [this.#weight(table), index], { axis: 0 });
    const word = b.op("Add", [pick("embeddings.word", ids), pick("embeddings.type", types)]);
    return this.#norm(b.op("Add", [word, pick("embeddings.position", positions)]), "embeddings.norm");
  }

  /** [B, S, H] -> [T, H]: all but attention works on a flat list of tokens. */
  flatten(hidden: Value): Value {
    return this.b.op("Reshape", [hidden, this.b.ints([-1, this.#config.hiddenSize])]);
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
    const { b } = this;
    let x = hidden;
    for (let layer = from; layer < to; layer++) {
      const { query, key, value } = this.#project(x, like, layer);
      const drop = (attention: Value) => dropout(attention, `${layer}.attention`);
      const context = this.#attend(query, key, value, attended(layer), drop);
      const joined = this.flatten(b.op("Transpose", [context], { perm: [0, 2, 1, 3] }));
      x = this.#afterAttention(joined, x, layer, dropout);
    }
    return x;
  }

  /** What `bertLowerGraph` gives -> [T, H] behind the last layer. */
  upperLayers(
    frozen: Value,
    firstLayer: number,
    attended: (layer: number) => Attended,
    dropout: Dropout,
  ): Value {
    if (firstLayer === 0) return this.layers(this.flatten(frozen), frozen, { attended, dropout });
    const { b } = this;
    const { hiddenSize: H, heads: N } = this.#config;
    const parts = b.node("Split", [frozen, b.ints([H, H, H, N])], { axis: 2 }, { outputs: 4 });
    const [hidden, query, context, logWeight] = parts as [Value, Value, Value, Value];
    const { prefix } = attended(firstLayer);
    const joined =
      prefix === undefined
        ? context
        : this.#addPrefix(query, context, logWeight, prefix, (x) => dropout(x, `${firstLayer}.attention`));
    const x = this.#afterAttention(this.flatten(joined), this.flatten(hidden), firstLayer, dropout);
    return this.layers(x, frozen, { from: firstLayer + 1, attended, dropout });
  }

  /** hidden [T, H] below a layer -> that, the layer's queries, the text's contexts and the log of their weights, [B, S, 3 H + N]. */
  attendText(hidden: Value, like: Value, layer: number, bias: Value): Value {
    const { b } = this;
    const { query, key, value } = this.#project(hidden, like, layer);
    const scores = b.op("Add", [this.#scores(query, key), bias]);
    const logs = b.op("LogSoftmax", [scores], { axis: -1 });
    const context = b.op("MatMul", [b.op("Exp", [logs]), value]);
    // ln sum_j e^s_j = s_j - (ln softmax s)_j for any j; the first token is never padding.
    const first = (x: Value) => b.op("Slice", [x, b.ints([0]), b.ints([1]), b.ints([3])]);
    const logWeight = b.op("Sub", [first(scores), first(logs)]);
    const byToken = (x: Value) => this.#byToken(x, like);
    const flat = [query, context, logWeight].map(byToken);
    return b.op("Concat", [b.op("Reshape", [hidden, b.shapeOf(like)]), ...flat], { axis: 2 });
  }

  /** [T, H] -> query (over sqrt D), key, value of a layer, each [B, N, S, D] */
  #project(x: Value, like: Value, layer: number): { query: Value; key: Value; value: Value } {
    const name = `layer.${layer}.attention`;
    const split = (flat: Value) => this.#byHead(flat, like);
    return {
      query: split(this.#linear(x, `${name}.query`, { scale: 1 / Math.sqrt(this.#config.headDim) })),
      key: split(this.#linear(x, `${name}.key`)),
      value: split(this.#linear(x, `${name}.value`)),
    };
  }

  /** [T, H] or [B, S, H] -> [B, N, S, D] */
  #byHead(flat: Value, like: Value): Value {
    const { b } = this;
    const dims = b.op("Concat", [b.dimOf(like, 0), b.dimOf(like, 1), b.ints([this.#config.heads, -1])], {
      axis: 0,
    });
    return b.op("Transpose", [b.op("Reshape", [flat, dims])], { perm: [0, 2, 1, 3] });
  }

  /** [B, N, S, any] -> [B, S, N * any] */
  #byToken(x: Value, like: Value): Value {
    const { b } = this;
    const dims = b.op("Concat", [b.dimOf(like, 0), b.dimOf(like, 1), b.ints([-1])], { axis: 0 });
    return b.op("Reshape", [b.op("Transpose", [x], { perm: [0, 2, 1, 3] }), dims]);
  }

  /** joined contexts [T, H], hidden states below the layer [T, H] -> hidden states above it [T, H] */
  #afterAttention(joined: Value, below: Value, layer: number, dropout: Dropout): Value {
    const { b } = this;
    const name = `layer.${layer}`;
    const mixed = dropout(this.#linear(joined, `${name}.attention.output`), `${layer}.mixed`);
    const x = this.#norm(b.op("Add", [mixed, below]), `${name}.attention.norm`);
    // gelu(x) = x / 2 * (1 + erf(x / sqrt 2)), with both factors in the products beside it: two passes over the widest
    // tensor less than ONNX Runtime's Gelu, and the gradient uses the same erf.
    const z = this.#linear(x, `${name}.intermediate`, { scale: Math.SQRT1_2 });
    const wide = b.op("Mul", [z, b.op("Add", [b.op("Erf", [z]), b.scalar(1)])]);
    const narrow = dropout(
      this.#linear(wide, `${name}.output`, { inputScale: Math.SQRT1_2 }),
      `${layer}.output`,
    );
    return this.#norm(b.op("Add", [narrow, x]), `${name}.norm`);
  }

  /**
   * Attention over a prefix and over a text that was attended to already. To the softmax the whole text is one more key,
   * whose score is the log of its summed weights and whose value is its context: the same numbers as over all keys.
   *
   * query, context [B, S, H], logWeight [B, S, N] -> [B, S, N, D]. Dropout is on the prefix's weights alone.
   */
  #addPrefix(
    query: Value,
    context: Value,
    logWeight: Value,
    { key, value }: NonNullable<Attended["prefix"]>,
    dropout: (x: Value) => Value,
  ): Value {
    const { b } = this;
    const { heads: N } = this.#config;
    const perHead = (x: Value) => b.op("Reshape", [x, b.ints([0, 0, N, -1])]);
    const turned = (x: Value) => b.op("Transpose", [x], { perm: [0, 2, 1, 3] });
    const scores = this.#scores(turned(perHead(query)), key);
    const attention = b.op("Softmax", [b.op("Concat", [scores, turned(perHead(logWeight))], { axis: 3 })], {
      axis: -1,
    });
    const [toPrefix, toText] = this.#splitKeys(attention, b.dimOf(key, 2), b.ints([1]));
    const fromPrefix = turned(b.op("MatMul", [dropout(toPrefix), value]));
    return b.op("Add", [fromPrefix, b.op("Mul", [turned(toText), perHead(context)])]);
  }

  /**
   * query, key, value [B, N, S, D] -> [B, N, S, D]. Scores and contexts of prefix and text are computed apart: a prefix
   * that all rows share is never spread over them, forwards or backwards, and no keys or values are copied.
   */
  #attend(
    query: Value,
    key: Value,
    value: Value,
    { prefix, bias }: Attended,
    dropout: (x: Value) => Value,
  ): Value {
    const { b } = this;
    const scoresOf = (keys: Value) => this.#scores(query, keys);
    const attentionOf = (scores: Value) =>
      dropout(b.op("Softmax", [b.op("Add", [scores, bias])], { axis: -1 }));
    if (prefix === undefined) return b.op("MatMul", [attentionOf(scoresOf(key)), value]);
    const attention = attentionOf(b.op("Concat", [scoresOf(prefix.key), scoresOf(key)], { axis: 3 }));
    const [toPrefix, toText] = this.#splitKeys(attention, b.dimOf(prefix.key, 2), b.dimOf(key, 2));
    const text = b.op("MatMul", [toText, value]);
    return b.op("Add", [b.op("MatMul", [toPrefix, prefix.value]), text]);
  }

  /** query [B, N, S, D], key [B, N, keys, D] -> [B, N, S, keys] */
  #scores(query: Value, key: Value): Value {
    return this.b.op("MatMul", [query, this.b.op("Transpose", [key], { perm: [0, 1, 3, 2] })]);
  }

  /** attention [B, N, S, prefix + text] -> its part on the prefix and its part on the text */
  #splitKeys(attention: Value, prefix: Value, text: Value): readonly [Value, Value] {
    const sizes = this.b.op("Concat", [prefix, text], { axis: 0 });
    return this.b.node("Split", [attention, sizes], { axis: 3 }, { outputs: 2 }) as [Value, Value];
  }

  /** hidden [T, H], pool weights [B, S] (1 / n on each of a row's n text tokens, or 1 on [CLS]) -> unit vectors [B, H] */
  pool(hidden: Value, pool: Value): Value {
    const { b } = this;
    const weights = b.op("Unsqueeze", [pool, b.ints([1])]);
    const rows = b.op("Concat", [b.dimOf(pool, 0), b.dimOf(pool, 1), b.ints([this.#config.hiddenSize])], {
      axis: 0,
    });
    const pooled = b.op("MatMul", [weights, b.op("Reshape", [hidden, rows])]);
    return normalize(b, b.op("Squeeze", [pooled, b.ints([1])]));
  }

  /** A mask of ones and zeros -> what is added to attention scores. exp(-1e9) is exactly 0 in float32. */
  maskBias(mask: Value, shape: ["B", 1, 1, "S" | "P"]): Value {
    const { b } = this;
    const bias = b.op("Mul", [b.op("Sub", [mask, b.scalar(1)]), b.scalar(1e9)]);
    if (mask.shape.length === 2) return b.op("Unsqueeze", [bias, b.ints([1, 2])]);
    throw new Error(`a mask of shape [${mask.shape.join(", ")}] can't become [${shape.join(", ")}]`);
  }

  /** An int64 shape: "B" from the hidden states, "P" from the prompt (second-last axis), numbers as they are. */
  shape(dims: readonly ("B" | "P" | number)[], hidden: Value, prompt: Value): Value {
    const { b } = this;
    const parts = dims.map((dim) => {
      if (dim === "B") return b.dimOf(hidden, 0);
      if (dim === "P") return b.dimOf(prompt, prompt.shape.length - 2);
      return b.ints([dim]);
    });
    return b.op("Concat", parts, { axis: 0 });
  }

  /**
   * x [T, in] -> [T, out]: scale * (inputScale * x W^T + bias). The checkpoint keeps weights as [out, in]; the factors
   * cost nothing within the product.
   */
  #linear(x: Value, name: string, { scale = 1, inputScale = 1 } = {}): Value {
    return this.b.op("Gemm", [x, this.#weight(`${name}.weight`), this.#weight(`${name}.bias`)], {
      transB: 1,
      alpha: float(scale * inputScale),
      beta: float(scale),
    });
  }

  #norm(x: Value, name: string): Value {
    const epsilon = float(this.#config.layerNormEpsilon);
    const inputs = [x, this.#weight(`${name}.weight`), this.#weight(`${name}.bias`)];
    return this.b.op("LayerNormalization", inputs, { axis: -1, epsilon });
  }

  #weight(name: string): Value {
    return this.#weights(this.b, name);
  }
}

/** Names of the dropout masks that a tuning graph reads; each is 0 or 1 / (1 - rate), of its value's shape. */
export type Dropout = (value: Value, site: string) => Value;

export interface Attended {
  /** In front of the layer's own keys and values, each [B, N, P, D], or [1, N, P, D] for all rows. */
  readonly prefix?: { readonly key: Value; readonly value: Value };
  /** Added to the scores: 0 where a position may be seen, hugely negative where not. [B, 1, 1, keys] */
  readonly bias: Value;
}
