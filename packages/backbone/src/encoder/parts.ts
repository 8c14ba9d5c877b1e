import {
  float,
  GraphBuilder,
  type QuantizedRows,
  quantizedProduct,
  quantizeRows,
  type Value,
} from "@kilotune/engine";
import type { WeightPlaces } from "../weight-places.ts";
import type { Added, Additions } from "./additions.ts";

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
    added: Additions = {},
  ): { query: Value; key: Value; value: Value } {
    return { query: this.query(x, like, layer, added), ...this.keys(x, like, layer, added) };
  }

  /** [T, H] -> the layer's query over sqrt D, [B, N, S, D] */
  query(x: Value, like: Value, layer: number, added: Additions = {}): Value {
    const name = "attention.query";
    const scale = 1 / Math.sqrt(this.#sizes.headDim);
    return this.byHead(this.linear(x, `layer.${layer}.${name}`, { scale, added: added[name] }), like);
  }

  /** [T, H] -> the layer's keys and values, each [B, N, S, D] */
  keys(x: Value, like: Value, layer: number, added: Additions = {}): { key: Value; value: Value } {
    const name = "attention.value";
    const key = this.byHead(this.linear(x, `layer.${layer}.attention.key`), like);
    const value = this.linear(x, `layer.${layer}.${name}`, { added: added[name] });
    return { key, value: this.byHead(value, like) };
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
  geluProducts(x: Value, layer: number, added: Additions = {}): Value {
    const { b } = this;
    const name = `layer.${layer}`;
    const z = this.linear(x, `${name}.intermediate`, { scale: Math.SQRT1_2, added: added.intermediate });
    const wide = b.op("Mul", [z, b.op("Add", [b.op("Erf", [z]), b.scalar(1)])]);
    const { output } = added;
    return this.linear(wide, `${name}.output`, {
      inputScale: Math.SQRT1_2,
      least: LEAST_GELU,
      added: output,
    });
  }

  /**
   * x [T, in] -> [T, out]: scale * (inputScale * x W^T + bias), and scale times what a prompt adds to it. The checkpoint keeps
   * weights as [out, in]; the factors cost nothing within the product. Codes in 8 bits are kept as [in, out], with a scale an
   * output. `least`: x is never below it.
   */
  linear(
    x: Value,
    name: string,
    { added, ...options }: ProductOptions & { added?: Added | undefined } = {},
  ): Value {
    const { b } = this;
    const { scale = 1, inputScale = 1 } = options;
    const [weight, frozen] = [this.weight(`${name}.weight`), this.weight(`${name}.bias`)];
    const bias = added?.bias === undefined ? frozen : b.op("Add", [frozen, added.bias]);
    // Each row's own in place of the frozen one, so that it costs no pass more.
    const isByRow = bias.shape.length === 2;
    const product = this.#product(x, weight, isByRow ? undefined : bias, options);
    const sum = isByRow ? this.#addToRows(product, this.#times(bias, scale)) : product;
    if (added?.lowRank === undefined) return sum;
    return b.op("Add", [sum, this.#times(this.#narrowed(x, added.lowRank), scale * inputScale)]);
  }

  /** x A^T B, [T, out] */
  #narrowed(x: Value, [down, up]: NonNullable<Added["lowRank"]>): Value {
    const { b } = this;
    const products = (rows: Value, perm: number[]) =>
      b.op("MatMul", [b.op("MatMul", [rows, b.op("Transpose", [down], { perm })]), up]);
    if (down.shape.length === 2) return products(x, [1, 0]);
    return this.#flat(products(this.#byRow(x, down), [0, 2, 1]));
  }

  /** States [T, H] and what a prompt adds to them: [H], or [B, H] of each row; nothing where it has nothing. */
  plus(states: Value, added: Value | undefined): Value {
    if (added === undefined) return states;
    return added.shape.length === 2 ? this.#addToRows(states, added) : this.b.op("Add", [states, added]);
  }

  #product(
    x: Value,
    weight: Value,
    bias: Value | undefined,
    { scale = 1, inputScale = 1, least }: ProductOptions,
  ): Value {
    const factor = scale * inputScale;
    if (weight.dtype === "int8") {
      const codes = { codes: weight, scale: this.weight(`${weight.name}.scale`) };
      const product = quantizedProduct(this.b, x, this.#rowsOf(x, least), codes, factor);
      return bias === undefined ? product : this.b.op("Add", [product, this.#times(bias, scale)]);
    }
    const [alpha, beta] = [float(factor), float(scale)];
    if (bias === undefined) return this.b.op("Gemm", [x, weight], { transB: 1, alpha });
    return this.b.op("Gemm", [x, weight, bias], { transB: 1, alpha, beta });
  }

  #times(x: Value, factor: number): Value {
    return factor === 1 ? x : this.b.op("Mul", [x, this.b.scalar(factor)]);
  }

  /** [T, any] and of each row [B, any] -> their sum [T, any] */
  #addToRows(flat: Value, byRow: Value): Value {
    const { b } = this;
    const each = b.op("Unsqueeze", [byRow, b.ints([1])]);
    return this.#flat(b.op("Add", [this.#byRow(flat, byRow), each]));
  }

  /** [T, any] -> [B, S, any], of as many rows as `like` [B, ..] has */
  #byRow(flat: Value, like: Value): Value {
    const { b } = this;
    const dims = b.op("Concat", [b.dimOf(like, 0), b.ints([-1]), b.dimOf(flat, 1)], { axis: 0 });
    return b.op("Reshape", [flat, dims]);
  }

  /** [B, S, any] -> [T, any] */
  #flat(rows: Value): Value {
    const { b } = this;
    const dims = b.op("Concat", [b.ints([-1]), b.dimOf(rows, 2)], { axis: 0 });
    return b.op("Reshape", [rows, dims]);
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
  /** To the products of the layer. */
  readonly added?: Additions;
}

/** Names of the dropout masks that a tuning graph reads; each is 0 or 1 / (1 - rate), of its value's shape. */
export type Dropout = (value: Value, site: string) => Value;

interface ProductOptions {
  readonly scale?: number;
  readonly inputScale?: number;
  readonly least?: number;
}

/** z (1 + erf z) is never less: sqrt 2 times the least value of GELU, and a bit for the rounding of erf. */
const LEAST_GELU = -0.2405;

/** ONNX's number of float32. */
const FLOAT = 1;
