import {
  float,
  GraphBuilder,
  type QuantizedRows,
  quantizedLinear,
  quantizeRows,
  type Value,
} from "@kilotune/engine";
import type { WeightPlaces } from "../weight-places.ts";

/** What the parts need to know; B rows, S positions, T = B * S, H hidden size, N heads, D head dim, P prefix tokens. */
export interface EncoderSizes {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headDim: number;
  readonly layerNormEpsilon: number;
}

/** What every transformer encoder is made of, added to one graph: products, norms, attention with its prompt sites. */
export class EncoderParts {
  readonly b: GraphBuilder;
  readonly #sizes: EncoderSizes;
  readonly #weights: WeightPlaces;
  /** By value: what several products read is quantised once. */
  readonly #quantized = new Map<string, QuantizedRows>();

  constructor(name: string, sizes: EncoderSizes, weights: WeightPlaces) {
    this.b = new GraphBuilder(name);
    this.#sizes = sizes;
    this.#weights = weights;
  }

  /** [B, S, H] -> [T, H]: all but attention works on a flat list of tokens. */
  flatten(hidden: Value): Value {
    return this.b.op("Reshape", [hidden, this.b.ints([-1, this.#sizes.hiddenSize])]);
  }

  /** [T, H] -> query (over sqrt D), key, value of a layer, each [B, N, S, D]; `like` [B, S, ..] tells rows and positions. */
  project(
    x: Value,
    like: Value,
    layer: number,
    lowRank?: LowRank,
  ): { query: Value; key: Value; value: Value } {
    const scale = 1 / Math.sqrt(this.#sizes.headDim);
    const query = this.query(x, like, layer);
    const key = this.byHead(this.linear(x, `layer.${layer}.attention.key`), like);
    const value = this.byHead(this.linear(x, `layer.${layer}.attention.value`), like);
    return {
      query: this.adapted(query, x, like, lowRank?.query, scale),
      key,
      value: this.adapted(value, x, like, lowRank?.value),
    };
  }

  /** Queries or values [B, N, S, D] with `scale` times a low-rank product of the layer's input [T, H] added. */
  adapted(own: Value, input: Value, like: Value, pair: LowRank["query"] | undefined, scale = 1): Value {
    if (pair === undefined) return own;
    const { b } = this;
    const [down, up] = pair;
    const turned = b.op("Transpose", [down], { perm: down.shape.length === 2 ? [1, 0] : [0, 2, 1] });
    const dims = b.op("Concat", [b.dimOf(like, 0), b.dimOf(like, 1), b.ints([this.#sizes.hiddenSize])], {
      axis: 0,
    });
    const narrow = b.op("MatMul", [b.op("Reshape", [input, dims]), turned]);
    const added = b.op("Mul", [b.op("MatMul", [narrow, up]), b.scalar(scale)]);
    return b.op("Add", [own, this.byHead(added, like)]);
  }

  /** [T, H] -> the layer's query over sqrt D, [B, N, S, D] */
  query(x: Value, like: Value, layer: number): Value {
    const scale = 1 / Math.sqrt(this.#sizes.headDim);
    return this.byHead(this.linear(x, `layer.${layer}.attention.query`, { scale }), like);
  }

  /** [T, H] or [B, S, H] -> [B, N, S, D] */
  byHead(flat: Value, like: Value): Value {
    const { b } = this;
    const dims = b.op("Concat", [b.dimOf(like, 0), b.dimOf(like, 1), b.ints([this.#sizes.heads, -1])], {
      axis: 0,
    });
    return b.op("Transpose", [b.op("Reshape", [flat, dims])], { perm: [0, 2, 1, 3] });
  }

  /** [B, N, S, D] -> [T, H] */
  joinHeads(context: Value): Value {
    return this.flatten(this.b.op("Transpose", [context], { perm: [0, 2, 1, 3] }));
  }

  /**
   * query, key, value [B, N, S, D] -> [B, N, S, D]. Scores and contexts of prefix and text are computed apart: a prefix
   * that all rows share is never spread over them, forwards or backwards, and no keys or values are copied.
   */
  attend(
    query: Value,
    key: Value,
    value: Value,
    { prefix, bias }: Attended,
    dropout: (x: Value) => Value,
  ): Value {
    const { b } = this;
    const attentionOf = (scores: Value) => dropout(b.op("Softmax", [scores], { axis: -1 }));
    const own = this.#biased(this.#scores(query, key), bias);
    if (prefix === undefined) return b.op("MatMul", [attentionOf(own), value]);
    const toPrefixes = this.#biased(this.#scores(query, prefix.key), prefix.bias);
    const attention = attentionOf(b.op("Concat", [toPrefixes, own], { axis: 3 }));
    const [toPrefix, toText] = this.#splitKeys(attention, b.dimOf(prefix.key, 2), b.dimOf(key, 2));
    const text = b.op("MatMul", [toText, value]);
    return b.op("Add", [b.op("MatMul", [toPrefix, prefix.value]), text]);
  }

  /**
   * What of a layer's attention doesn't depend on a prefix: x, which is kept along, and the layer's queries, the
   * contexts of its own keys and the log of their weights, [B, S, 3 H + N].
   * kept, x [T, H]: hidden states below the layer, and what its queries, keys and values are made of.
   */
  attendAlone(kept: Value, x: Value, like: Value, layer: number, bias?: Value): Value {
    const { b } = this;
    const { query, key, value } = this.project(x, like, layer);
    const scores = this.#biased(this.#scores(query, key), bias);
    const logs = b.op("LogSoftmax", [scores], { axis: -1 });
    const context = b.op("MatMul", [b.op("Exp", [logs]), value]);
    // ln sum_j e^s_j = s_j - (ln softmax s)_j for any j that is seen, such as the largest.
    const largest = (each: Value) => b.op("ReduceMax", [each, b.ints([3])], { keepdims: 1 });
    const logWeight = b.op("Sub", [largest(scores), largest(logs)]);
    const byToken = (each: Value) => this.#byToken(each, like);
    const flat = [query, context, logWeight].map(byToken);
    return b.op("Concat", [b.op("Reshape", [kept, b.shapeOf(like)]), ...flat], { axis: 2 });
  }

  /** Takes what `attendAlone` gave apart: hidden states, queries, contexts [B, S, H], log weights [B, S, N]. */
  partsOfAlone(frozen: Value): readonly [hidden: Value, query: Value, context: Value, logWeight: Value] {
    const { hiddenSize: H, heads: N } = this.#sizes;
    const parts = this.b.node("Split", [frozen, this.b.ints([H, H, H, N])], { axis: 2 }, { outputs: 4 });
    return parts as [Value, Value, Value, Value];
  }

  /**
   * Attention over a prefix and over a text that was attended to already. To the softmax the whole text is one more key,
   * whose score is the log of its summed weights and whose value is its context: the same numbers as over all keys.
   *
   * query, context [B, S, H], logWeight [B, S, N] -> [B, S, N, D]. Dropout is on the prefix's weights alone.
   */
  addPrefix(
    query: Value,
    context: Value,
    logWeight: Value,
    { key, value }: Prefix,
    dropout: (x: Value) => Value,
  ): Value {
    const { b } = this;
    const { heads: N } = this.#sizes;
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
   * x [T, H] -> the layer's exact GELU between its two products, [T, H].
   * gelu(x) = x / 2 * (1 + erf(x / sqrt 2)), with both factors in the products beside it: two passes over the widest
   * tensor less than ONNX Runtime's Gelu, and the gradient uses the same erf.
   */
  geluProducts(x: Value, layer: number): Value {
    const { b } = this;
    const z = this.linear(x, `layer.${layer}.intermediate`, { scale: Math.SQRT1_2 });
    const wide = b.op("Mul", [z, b.op("Add", [b.op("Erf", [z]), b.scalar(1)])]);
    return this.linear(wide, `layer.${layer}.output`, { inputScale: Math.SQRT1_2, least: LEAST_GELU });
  }

  /**
   * x [T, in] -> [T, out]: scale * (inputScale * x W^T + bias). The checkpoint keeps weights as [out, in]; the factors
   * cost nothing within the product. Codes in 8 bits are kept as [in, out], with a scale an output.
   * `least`: x is never below it.
   */
  linear(
    x: Value,
    name: string,
    { scale = 1, inputScale = 1, least }: { scale?: number; inputScale?: number; least?: number } = {},
  ): Value {
    const [weight, bias] = [this.weight(`${name}.weight`), this.weight(`${name}.bias`)];
    const factor = scale * inputScale;
    if (weight.dtype === "int8") {
      const quantized = { codes: weight, scale: this.weight(`${name}.weight.scale`), bias };
      return quantizedLinear(this.b, x, this.#rowsOf(x, least), quantized, { factor, biasFactor: scale });
    }
    return this.b.op("Gemm", [x, weight, bias], { transB: 1, alpha: float(factor), beta: float(scale) });
  }

  /** Rows of a table [rows, H], of a row's own scale where it is kept in 8 bits: indices [B, S] -> [B, S, H] */
  lookUp(table: string, indices: Value): Value {
    const { b } = this;
    const pick = (name: string) => b.op("Gather", [this.weight(name), indices], { axis: 0 });
    const rows = pick(table);
    if (rows.dtype !== "int8") return rows;
    const scale = b.op("Unsqueeze", [pick(`${table}.scale`), b.ints([-1])]);
    return b.op("Mul", [b.op("Cast", [rows], { to: FLOAT }), scale]);
  }

  #rowsOf(x: Value, least: number | undefined): QuantizedRows {
    const standing = this.#quantized.get(x.name);
    if (standing !== undefined) return standing;
    const rows = quantizeRows(this.b, x, least === undefined ? {} : { least });
    this.#quantized.set(x.name, rows);
    return rows;
  }

  norm(x: Value, name: string): Value {
    const epsilon = float(this.#sizes.layerNormEpsilon);
    const inputs = [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)];
    return this.b.op("LayerNormalization", inputs, { axis: -1, epsilon });
  }

  weight(name: string): Value {
    return this.#weights(this.b, name);
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

  #biased(scores: Value, bias: Value | undefined): Value {
    return bias === undefined ? scores : this.b.op("Add", [scores, bias]);
  }

  /** [B, N, S, any] -> [B, S, N * any] */
  #byToken(x: Value, like: Value): Value {
    const { b } = this;
    const dims = b.op("Concat", [b.dimOf(like, 0), b.dimOf(like, 1), b.ints([-1])], { axis: 0 });
    return b.op("Reshape", [b.op("Transpose", [x], { perm: [0, 2, 1, 3] }), dims]);
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
}

/** Keys and values in front of a layer's own, each [B, N, P, D], or [1, N, P, D] for all rows. */
export interface Prefix {
  readonly key: Value;
  readonly value: Value;
  /** As Attended's, of the prefix's keys. */
  readonly bias?: Value;
}

export interface Attended {
  readonly prefix?: Prefix;
  /**
   * Added to the scores of the tokens' own keys: 0 where a position may be seen, hugely negative where not. Broadcasts to
   * [B, N, S, keys]; all are seen where left out.
   */
  readonly bias?: Value;
  /** Added to the layer's queries and values. */
  readonly lowRank?: LowRank;
}

/** LoRA of a layer (Hu et al., arXiv:2106.09685): x A^T B^T, each [rank, H] or [B, rank, H], B turned. */
export interface LowRank {
  readonly query: readonly [a: Value, b: Value];
  readonly value: readonly [a: Value, b: Value];
}

/** A layer's factors, of four each from `firstLayer` on: queries' two, values' two. */
function lowRankOf(parts: readonly Value[], firstLayer: number): (layer: number) => LowRank {
  return (layer) => {
    const four = parts.slice(4 * (layer - firstLayer)) as [Value, Value, Value, Value];
    return { query: [four[0], four[1]], value: [four[2], four[3]] };
  };
}

/**
 * LoRA of a batch's rows: inputs `lora` [A, L, 2, 2, R, H], a table of factors, and `lora_index` [B], which of them each row
 * has. -> a layer's factors, [B, R, H].
 */
export function servedLora(b: GraphBuilder, L: number, H: number): (layer: number) => LowRank {
  const table = b.input("lora", "float32", ["A", L, 2, 2, "R", H]);
  const index = b.input("lora_index", "int64", ["B"]);
  const parts = splitAxis(b, b.op("Reshape", [table, b.ints([0, 4 * L, -1, H])]), 1, 4 * L);
  return lowRankOf(
    parts.map((part) => b.op("Gather", [part, index], { axis: 0 })),
    0,
  );
}

/** LoRA of one prompt for all rows, `lora` [layers, 2, 2, R, H] from `firstLayer` on -> a layer's factors, [R, H]. */
export function sharedLora(b: GraphBuilder, lora: Value, firstLayer: number): (layer: number) => LowRank {
  const [layers, , , , H] = lora.shape as [number, number, number, string, number];
  const parts = splitAxis(b, b.op("Reshape", [lora, b.ints([4 * layers, -1, H])]), 0, 4 * layers);
  return lowRankOf(parts, firstLayer);
}

/** Names of the dropout masks that a tuning graph reads; each is 0 or 1 / (1 - rate), of its value's shape. */
export type Dropout = (value: Value, site: string) => Value;

/** The slices of one along an axis, without that axis. */
export function splitAxis(b: GraphBuilder, value: Value, axis: number, parts: number): Value[] {
  const sizes = b.ints(Array<number>(parts).fill(1));
  const slices = b.node("Split", [value, sizes], { axis }, { outputs: parts });
  return slices.map((slice) => b.op("Squeeze", [slice, b.ints([axis])]));
}

/** z (1 + erf z) is never less: sqrt 2 times the least value of GELU, and a bit for the rounding of erf. */
const LEAST_GELU = -0.2405;

/** ONNX's number of float32. */
const FLOAT = 1;
