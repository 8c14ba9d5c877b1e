import { float, type Graph, GraphBuilder, normalize, type Value } from "@kilotune/engine";
import type { WeightPlaces } from "../weight-places.ts";
import type { BertConfig } from "./config.ts";

/**
 * The BERT encoder as graphs (Devlin et al., arXiv:1810.04805), with prompt sites.
 *
 * B rows, S positions, T = B * S, H hidden size, N heads, D head dim, L layers, P prefix tokens of a row,
 * M prefixes and Q soft vectors in a batch's tables.
 */

/** Ids in, unit sentence vectors out, with every prompt site: the graph that serves. Inputs are listed in `serveInputs`. */
export function bertServeGraph(config: BertConfig, weights: WeightPlaces): Graph {
  const { layers: L, heads: N, headDim: D, hiddenSize: H } = config;
  const bert = new Bert("serve", config, weights);
  const { b } = bert;
  const ids = b.input("input_ids", "int64", ["B", "S"]);
  const positions = b.input("positions", "int64", ["B", "S"]);
  const types = b.input("token_types", "int64", ["B", "S"]);
  const mask = b.input("mask", "float32", ["B", "S"]);
  const pool = b.input("pool", "float32", ["B", "S"]);
  const soft = b.input("soft", "float32", ["Q", H]);
  const softIndex = b.input("soft_index", "int64", ["B", "S"]);
  const prefixes = b.input("kv", "float32", ["M", L, 2, N, "P", D]);
  const prefixMask = b.input("kv_mask", "float32", ["M", L, "P"]);
  const prefixIndex = b.input("kv_index", "int64", ["B"]);

  const text = bert.embed(ids, positions, types);
  // A soft vector stands where its index isn't 0; the other positions keep the bits of the plain embedding.
  const isSoft = b.op("Unsqueeze", [b.op("Greater", [softIndex, b.ints([0])]), b.ints([-1])]);
  const hidden = b.op("Where", [isSoft, b.op("Gather", [soft, softIndex], { axis: 0 }), text]);

  const textBias = bert.maskBias(mask, ["B", 1, 1, "S"]);
  const tables = splitAxis(b, b.op("Reshape", [prefixes, b.ints([0, L * 2, N, -1, D])]), 1, L * 2);
  const masks = splitAxis(b, prefixMask, 1, L);
  const pick = (table: Value) => b.op("Gather", [table, prefixIndex], { axis: 0 });
  const out = bert.layers(hidden, 0, (layer) => {
    const prefixBias = bert.maskBias(pick(masks[layer] as Value), ["B", 1, 1, "P"]);
    return {
      prefix: { key: pick(tables[2 * layer] as Value), value: pick(tables[2 * layer + 1] as Value) },
      bias: b.op("Concat", [prefixBias, textBias], { axis: 3 }),
    };
  });
  b.output(bert.pool(out, pool), "embedding");
  return b.build();
}

/** Ids -> hidden states [B, S, H] below layer `firstLayer` (0: the embeddings). They don't depend on a late prompt. */
export function bertLowerGraph(config: BertConfig, weights: WeightPlaces, firstLayer: number): Graph {
  const bert = new Bert(`lower-${firstLayer}`, config, weights);
  const { b } = bert;
  const ids = b.input("input_ids", "int64", ["B", "S"]);
  const positions = b.input("positions", "int64", ["B", "S"]);
  const types = b.input("token_types", "int64", ["B", "S"]);
  const mask = b.input("mask", "float32", ["B", "S"]);
  const text = bert.embed(ids, positions, types);
  const bias = bert.maskBias(mask, ["B", 1, 1, "S"]);
  const hidden = bert.layers(text, 0, () => ({ bias }), firstLayer);
  b.output(bert.unflatten(hidden, text), "hidden");
  return b.build();
}

/** How a prompt joins the layers from `firstLayer` on. `none`: it doesn't, the plain backbone. A soft prompt joins at the embeddings. */
export type UpperSite =
  | { readonly kind: "none"; readonly firstLayer: number }
  | { readonly kind: "kv"; readonly firstLayer: number }
  | { readonly kind: "soft" };

/** Names of the dropout masks that a tuning graph reads; each is 0 or 1 / (1 - rate), of its value's shape. */
export type Dropout = (value: Value, site: string) => Value;

/**
 * Hidden states below `firstLayer` and one prompt for all rows -> unit sentence vectors [B, H], added to `b`'s graph.
 * kv: input `kv` [L - firstLayer, 2, N, P, D]. soft: input `soft` [P, H], in front of the text.
 */
export function bertUpper(
  config: BertConfig,
  weights: WeightPlaces,
  site: UpperSite,
  options: { name: string; dropout?: boolean },
): { builder: GraphBuilder; embedding: Value } {
  const { layers: L, heads: N, headDim: D, hiddenSize: H } = config;
  const firstLayer = site.kind === "soft" ? 0 : site.firstLayer;
  const bert = new Bert(options.name, config, weights);
  const { b } = bert;
  const text = b.input("hidden", "float32", ["B", "S", H]);
  const mask = b.input("mask", "float32", ["B", "S"]);
  const pool = b.input("pool", "float32", ["B", "S"]);
  const dropout: Dropout = options.dropout
    ? (value, place) => b.op("Mul", [value, b.input(`dropout.${place}`, value.dtype, value.shape)])
    : (value) => value;
  const textBias = bert.maskBias(mask, ["B", 1, 1, "S"]);

  if (site.kind === "soft") {
    const soft = dropout(b.input("soft", "float32", ["P", H]), "prompt");
    const rows = b.op("Expand", [
      b.op("Unsqueeze", [soft, b.ints([0])]),
      bert.shape(["B", "P", H], text, soft),
    ]);
    const hidden = b.op("Concat", [rows, text], { axis: 1 });
    const free = b.op("Expand", [b.scalar(0), bert.shape(["B", 1, 1, "P"], text, soft)]);
    const bias = b.op("Concat", [free, textBias], { axis: 3 });
    const out = bert.layers(hidden, firstLayer, () => ({ bias }), L, dropout);
    const ignored = b.op("Expand", [b.scalar(0), bert.shape(["B", "P"], text, soft)]);
    return { builder: b, embedding: bert.pool(out, b.op("Concat", [ignored, pool], { axis: 1 })) };
  }

  if (site.kind === "none") {
    const out = bert.layers(text, firstLayer, () => ({ bias: textBias }), L, dropout);
    return { builder: b, embedding: bert.pool(out, pool) };
  }

  const prompted = L - firstLayer;
  const kv = b.input("kv", "float32", [prompted, 2, N, "P", D]);
  const dropped = dropout(kv, "prompt");
  const parts = splitAxis(b, b.op("Reshape", [dropped, b.ints([2 * prompted, N, -1, D])]), 0, 2 * prompted);
  const shared = (part: Value) => b.op("Unsqueeze", [part, b.ints([0])]);
  const free = b.op("Expand", [b.scalar(0), bert.shape(["B", 1, 1, "P"], text, kv)]);
  const bias = b.op("Concat", [free, textBias], { axis: 3 });
  const out = bert.layers(
    text,
    firstLayer,
    (layer) => {
      const at = layer - firstLayer;
      const prefix = { key: shared(parts[2 * at] as Value), value: shared(parts[2 * at + 1] as Value) };
      return { prefix, bias };
    },
    L,
    dropout,
  );
  return { builder: b, embedding: bert.pool(out, pool) };
}

interface Attended {
  /** In front of the layer's own keys and values, each [B, N, P, D], or [1, N, P, D] for all rows. */
  readonly prefix?: { readonly key: Value; readonly value: Value };
  /** Added to the scores: 0 where a position may be seen, hugely negative where not. [B, 1, 1, keys] */
  readonly bias: Value;
}

class Bert {
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

  /** Layers `from` to `to` of hidden states [B, S, H] -> [T, H]: all but attention works on a flat list of tokens. */
  layers(
    hidden: Value,
    from: number,
    attended: (layer: number) => Attended,
    to = this.#config.layers,
    dropout: Dropout = (x) => x,
  ): Value {
    const { b } = this;
    const { hiddenSize: H, heads: N, headDim: D } = this.#config;
    const [B, S] = [b.dimOf(hidden, 0), b.dimOf(hidden, 1)];
    const byHead = b.op("Concat", [B, S, b.ints([N, D])], { axis: 0 });
    let x = b.op("Reshape", [hidden, b.ints([-1, H])]);
    for (let layer = from; layer < to; layer++) {
      const name = `layer.${layer}`;
      const split = (flat: Value) =>
        b.op("Transpose", [b.op("Reshape", [flat, byHead])], { perm: [0, 2, 1, 3] });
      const query = this.#linear(x, `${name}.attention.query`, { scale: 1 / Math.sqrt(D) });
      const key = split(this.#linear(x, `${name}.attention.key`));
      const value = split(this.#linear(x, `${name}.attention.value`));
      const drop = (attention: Value) => dropout(attention, `${layer}.attention`);
      const context = this.#attend(split(query), key, value, attended(layer), drop);
      const joined = b.op("Reshape", [b.op("Transpose", [context], { perm: [0, 2, 1, 3] }), b.ints([-1, H])]);
      const mixed = dropout(this.#linear(joined, `${name}.attention.output`), `${layer}.mixed`);
      x = this.#norm(b.op("Add", [mixed, x]), `${name}.attention.norm`);
      // gelu(x) = x / 2 * (1 + erf(x / sqrt 2)), with both factors in the products beside it: two passes over the widest
      // tensor less than ONNX Runtime's Gelu, and the gradient uses the same erf.
      const z = this.#linear(x, `${name}.intermediate`, { scale: Math.SQRT1_2 });
      const wide = b.op("Mul", [z, b.op("Add", [b.op("Erf", [z]), b.scalar(1)])]);
      const narrow = this.#linear(wide, `${name}.output`, { inputScale: Math.SQRT1_2 });
      x = this.#norm(b.op("Add", [dropout(narrow, `${layer}.output`), x]), `${name}.norm`);
    }
    return x;
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
    const scoresOf = (keys: Value) =>
      b.op("MatMul", [query, b.op("Transpose", [keys], { perm: [0, 1, 3, 2] })]);
    const attentionOf = (scores: Value) =>
      dropout(b.op("Softmax", [b.op("Add", [scores, bias])], { axis: -1 }));
    if (prefix === undefined) return b.op("MatMul", [attentionOf(scoresOf(key)), value]);
    const attention = attentionOf(b.op("Concat", [scoresOf(prefix.key), scoresOf(key)], { axis: 3 }));
    const sizes = b.op("Concat", [b.dimOf(prefix.key, 2), b.dimOf(key, 2)], { axis: 0 });
    const [toPrefix, toText] = b.node("Split", [attention, sizes], { axis: 3 }, { outputs: 2 }) as [
      Value,
      Value,
    ];
    const text = b.op("MatMul", [toText, value]);
    return b.op("Add", [b.op("MatMul", [toPrefix, prefix.value]), text]);
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

  /** [T, H] -> [B, S, H] like another value */
  unflatten(flat: Value, like: Value): Value {
    return this.b.op("Reshape", [flat, this.b.shapeOf(like)]);
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

function splitAxis(b: GraphBuilder, value: Value, axis: number, parts: number): Value[] {
  const sizes = b.ints(Array<number>(parts).fill(1));
  const slices = b.node("Split", [value, sizes], { axis }, { outputs: parts });
  return slices.map((slice) => b.op("Squeeze", [slice, b.ints([axis])]));
}
