import { type Graph, type GraphBuilder, normalize, prune, type Value } from "@kilotune/engine";
import {
  type AdditionKind,
  additionDims,
  servedAdditions,
  sharedAdditions,
  splitAxis,
} from "../encoder/additions.ts";
import type { Attended, Dropout } from "../encoder/parts.ts";
import { prefixGraph } from "../encoder/prefix-graph.ts";
import type { WeightPlaces } from "../weight-places.ts";
import type { TextConfig } from "./config.ts";
import { SentenceEncoder } from "./encoder.ts";

/**
 * An encoder of texts (Devlin et al., arXiv:1810.04805, and its kin) as graphs, with prompt sites.
 *
 * B rows, S positions, T = B * S, H hidden size, N heads, D head dim, L layers, P prefix tokens of a row,
 * M prefixes, Q soft vectors and A low-rank adapters of rank R in a batch's tables.
 */

/**
 * Ids in, sentence vectors out, with every prompt site: the graph that serves. `embedding` are of length one, `pooled`
 * the same before they are: some heads read those. `tokens` [B, S, H] are the states of all positions. With `added` each row has
 * also additions of that kind: see servedAdditions.
 */
export function textServeGraph(config: TextConfig, weights: WeightPlaces, added?: AdditionKind): Graph {
  const { layers: L, heads: N, headDim: D, hiddenSize: H } = config;
  const encoder = new SentenceEncoder("serve", config, weights);
  const { b } = encoder;
  const { ids, positions, types, mask } = tokenInputs(b);
  const pool = b.input("pool", "float32", ["B", "S"]);
  const soft = b.input("soft", "float32", ["Q", H]);
  const softIndex = b.input("soft_index", "int64", ["B", "S"]);
  const prefixes = b.input("kv", "float32", ["M", L, 2, N, "P", D]);
  const prefixMask = b.input("kv_mask", "float32", ["M", L, "P"]);
  const prefixIndex = b.input("kv_index", "int64", ["B"]);

  const text = encoder.embed(ids, positions, types);
  // A soft vector stands where its index isn't 0; the other positions keep the bits of the plain embedding.
  const isSoft = b.op("Unsqueeze", [b.op("Greater", [softIndex, b.ints([0])]), b.ints([-1])]);
  const hidden = b.op("Where", [isSoft, b.op("Gather", [soft, softIndex], { axis: 0 }), text]);

  const bias = encoder.biases(mask);
  const tables = splitAxis(b, b.op("Reshape", [prefixes, b.ints([0, L * 2, N, -1, D])]), 1, L * 2);
  const masks = splitAxis(b, prefixMask, 1, L);
  const pick = (table: Value) => b.op("Gather", [table, prefixIndex], { axis: 0 });
  const additions = added && servedAdditions(b, added, config);
  const attended = (layer: number) => {
    const key = pick(tables[2 * layer] as Value);
    const value = pick(tables[2 * layer + 1] as Value);
    const seen = encoder.maskBias(pick(masks[layer] as Value), ["B", 1, 1, "P"]);
    return {
      prefix: { key, value, bias: seen },
      bias: bias(layer),
      ...(additions && { added: additions.ofLayer(layer) }),
    };
  };
  const states = encoder.layers(encoder.flatten(hidden), hidden, { attended });
  const out = encoder.plus(states, additions?.behind);
  const pooled = encoder.pooled(out, pool);
  b.output(normalize(b, pooled), "embedding");
  b.output(pooled, "pooled");
  b.output(b.op("Reshape", [out, b.shapeOf(hidden)]), "tokens");
  return b.build();
}

/**
 * Ids -> everything of the text that a prompt from `firstLayer` on can't change, computed once a row.
 *
 * firstLayer 0: the embeddings [B, S, H]. Else the cut lies within the attention of layer `firstLayer`, where a prefix
 * first meets the text: hidden states, queries, the text's own contexts and the log of their weights, [B, S, 3 H + N]; or
 * in front of it, where the layer's own queries change: the hidden states [B, S, H].
 */
export function textLowerGraph(
  config: TextConfig,
  weights: WeightPlaces,
  firstLayer: number,
  cut: Cut = "within attention",
): Graph {
  const encoder = new SentenceEncoder(`lower-${firstLayer}`, config, weights);
  const { b } = encoder;
  const { ids, positions, types, mask } = tokenInputs(b);
  const text = encoder.embed(ids, positions, types);
  const bias = encoder.biases(mask);
  const attended = (layer: number) => ({ bias: bias(layer) });
  const hidden = encoder.layers(encoder.flatten(text), text, { to: firstLayer, attended });
  if (firstLayer === 0) b.output(text, "hidden");
  else if (cut === "in front") b.output(b.op("Reshape", [hidden, b.shapeOf(text)]), "hidden");
  else b.output(encoder.cutAt(hidden, text, firstLayer, bias(firstLayer)), "hidden");
  return b.build();
}

/**
 * Ids -> `kv` [B, L - firstLayer, 2, N, S, D]: what the frozen layers make of texts as keys and values. A prefix of these
 * numbers is to the layers from `firstLayer` on what the text would be if it stood there and read nothing but itself.
 * And `states` [B, L - firstLayer, S, H], what those layers read: the same as deep prompts.
 */
export function textKeysGraph(config: TextConfig, weights: WeightPlaces, firstLayer: number): Graph {
  const encoder = new SentenceEncoder(`keys-${firstLayer}`, config, weights);
  const { b } = encoder;
  const { ids, positions, types, mask } = tokenInputs(b);
  const text = encoder.embed(ids, positions, types);
  const bias = encoder.biases(mask);
  const found: Value[] = [];
  const read: Value[] = [];
  const byLayer = (each: Value) => b.op("Unsqueeze", [each, b.ints([1])]);
  const onLayer = (layer: number, states: Value, ...pair: Value[]) => {
    if (layer < firstLayer) return;
    found.push(...pair.map(byLayer));
    read.push(byLayer(b.op("Reshape", [states, b.shapeOf(text)])));
  };
  encoder.layers(encoder.flatten(text), text, { attended: (layer) => ({ bias: bias(layer) }), onLayer });
  const { layers: L, heads: N, headDim: D } = config;
  const dims = b.op(
    "Concat",
    [b.dimOf(ids, 0), b.ints([L - firstLayer, 2, N]), b.dimOf(ids, 1), b.ints([D])],
    {
      axis: 0,
    },
  );
  b.output(b.op("Reshape", [b.op("Concat", found, { axis: 1 }), dims]), "kv");
  b.output(b.op("Concat", read, { axis: 1 }), "states");
  return prune(b.build());
}

/** See prefixGraph. */
export function textPrefixGraph(config: TextConfig, weights: WeightPlaces, firstLayer: number): Graph {
  return prefixGraph(new SentenceEncoder(`prefix-${firstLayer}`, config, weights), config, firstLayer);
}

/**
 * How a prompt joins the layers from `firstLayer` on. `none`: it doesn't, the plain backbone above either cut. A soft prompt
 * joins at the embeddings.
 */
export type UpperSite =
  | { readonly kind: "none"; readonly firstLayer: number; readonly cut?: Cut }
  | { readonly kind: "kv" | "deep"; readonly firstLayer: number }
  | { readonly kind: AdditionKind; readonly firstLayer: number }
  | { readonly kind: "soft" };

/** Where a layer is cut in two, so that what lies below is computed once: see textLowerGraph. */
export type Cut = "within attention" | "in front";

/** The cut that lies below all of a site. */
export function cutOf(site: UpperSite): Cut {
  if (site.kind === "none") return site.cut ?? "within attention";
  return site.kind === "lora" || site.kind === "biases" ? "in front" : "within attention";
}

/** What a head reads: unit sentence vectors [B, H], the same before they are, hidden states of the text's tokens [B, S, H]. */
export interface TextFeatures {
  readonly embedding?: Value;
  readonly pooled?: Value;
  readonly tokens?: Value;
  /** 1 where a token is, 0 on padding, [B, S] */
  readonly mask: Value;
}

export interface TextWanted {
  readonly embedding?: boolean;
  readonly pooled?: boolean;
  readonly tokens?: boolean;
}

/**
 * Hidden states below `firstLayer` and one prompt for all rows -> features, added to `b`'s graph; a head goes on from there.
 * kv: input `kv` [L - firstLayer, 2, N, P, D]. deep: input `deep` [L - firstLayer, P, H]. soft: input `soft` [P, H], in front of
 * the text. lora, biases: an input of that name, see sharedAdditions; `hidden` is cut in front.
 */
export function textUpper(
  config: TextConfig,
  weights: WeightPlaces,
  site: UpperSite,
  wanted: TextWanted,
  options: { name: string; dropout?: boolean },
): { readonly builder: GraphBuilder; readonly features: TextFeatures } {
  const { layers: L, heads: N, headDim: D, hiddenSize: H } = config;
  const firstLayer = site.kind === "soft" ? 0 : site.firstLayer;
  const encoder = new SentenceEncoder(options.name, config, weights);
  const { b } = encoder;
  const isCutInFront = cutOf(site) === "in front";
  const width = firstLayer === 0 || isCutInFront ? H : 3 * H + N;
  const text = b.input("hidden", "float32", ["B", "S", width]);
  const mask = b.input("mask", "float32", ["B", "S"]);
  const pool = b.input("pool", "float32", ["B", "S"]);
  const dropout = dropoutOf(b, options.dropout);
  const built = (out: Value, weights: Value, tokens: () => Value) => ({
    builder: b,
    features: featuresOf(encoder, wanted, { out, pool: weights, mask, tokens }),
  });

  if (site.kind === "soft") {
    const soft = dropout(b.input("soft", "float32", ["P", H]), "prompt");
    const rows = b.op("Expand", [
      b.op("Unsqueeze", [soft, b.ints([0])]),
      encoder.shape(["B", "P", H], text, soft),
    ]);
    const hidden = b.op("Concat", [rows, text], { axis: 1 });
    const inFront = (number: number, own: Value) => {
      const added = b.op("Expand", [b.scalar(number), encoder.shape(["B", "P"], text, soft)]);
      return b.op("Concat", [added, own], { axis: 1 });
    };
    const bias = encoder.biases(inFront(1, mask));
    const attended = (layer: number) => ({ bias: bias(layer) });
    const out = encoder.layers(encoder.flatten(hidden), hidden, { attended, dropout });
    return built(out, inFront(0, pool), () => {
      const all = b.op("Reshape", [out, b.shapeOf(hidden)]);
      const sizes = b.op("Concat", [b.dimOf(soft, 0), b.dimOf(text, 1)], { axis: 0 });
      return b.node("Split", [all, sizes], { axis: 1 }, { outputs: 2 })[1] as Value;
    });
  }

  const additionsAt = ({ kind, firstLayer }: Extract<UpperSite, { kind: AdditionKind }>) => {
    const numbers = b.input(kind, "float32", additionDims(kind, config, firstLayer, "R"));
    // BitFit has no dropout on its own numbers.
    const prompt = kind === "biases" ? numbers : dropout(numbers, "prompt");
    return sharedAdditions(b, kind, prompt, config, firstLayer);
  };
  const bias = encoder.biases(mask);
  if (isCutInFront) {
    const additions = site.kind === "lora" || site.kind === "biases" ? additionsAt(site) : undefined;
    const attended = (layer: number) => ({
      bias: bias(layer),
      ...(additions && { added: additions.ofLayer(layer) }),
    });
    const states = encoder.layers(encoder.flatten(text), text, { from: firstLayer, attended, dropout });
    const out = encoder.plus(states, additions?.behind);
    return built(out, pool, () => b.op("Reshape", [out, b.shapeOf(text)]));
  }
  const fromCut = (prefixOf: (layer: number) => Pick<Attended, "prefix">) => {
    const attended = (layer: number) => ({ ...prefixOf(layer), bias: bias(layer) });
    const out = encoder.upperLayers(text, firstLayer, attended, dropout);
    const shape = () => b.op("Concat", [b.dimOf(text, 0), b.dimOf(text, 1), b.ints([H])], { axis: 0 });
    return built(out, pool, () => b.op("Reshape", [out, shape()]));
  };
  if (site.kind === "none") return fromCut(() => ({}));

  const prompted = L - firstLayer;
  if (site.kind === "deep") {
    const deep = dropout(b.input("deep", "float32", [prompted, "P", H]), "prompt");
    const tokens = splitAxis(b, deep, 0, prompted);
    return fromCut((layer) => ({ prefix: encoder.prefixOf(tokens[layer - firstLayer] as Value, layer) }));
  }
  const kv = b.input("kv", "float32", [prompted, 2, N, "P", D]);
  const dropped = dropout(kv, "prompt");
  const parts = splitAxis(b, b.op("Reshape", [dropped, b.ints([2 * prompted, N, -1, D])]), 0, 2 * prompted);
  const shared = (part: Value) => b.op("Unsqueeze", [part, b.ints([0])]);
  return fromCut((layer) => {
    const at = layer - firstLayer;
    return { prefix: { key: shared(parts[2 * at] as Value), value: shared(parts[2 * at + 1] as Value) } };
  });
}

/** Ids -> features, with nothing frozen: what `asInputs` makes of the weights can be learnt. */
export function textWhole(
  config: TextConfig,
  weights: WeightPlaces,
  wanted: TextWanted,
  options: { name: string; dropout?: boolean },
): { readonly builder: GraphBuilder; readonly features: TextFeatures } {
  const encoder = new SentenceEncoder(options.name, config, weights);
  const { b } = encoder;
  const { ids, positions, types, mask } = tokenInputs(b);
  const pool = b.input("pool", "float32", ["B", "S"]);
  const text = encoder.embed(ids, positions, types);
  const bias = encoder.biases(mask);
  const attended = (layer: number) => ({ bias: bias(layer) });
  const dropout = dropoutOf(b, options.dropout);
  const out = encoder.layers(encoder.flatten(text), text, { attended, dropout });
  const tokens = () => b.op("Reshape", [out, b.shapeOf(text)]);
  return { builder: b, features: featuresOf(encoder, wanted, { out, pool, mask, tokens }) };
}

/** What tells a batch's tokens, each [B, S]; the mask is 1 where a token is. */
function tokenInputs(b: GraphBuilder) {
  return {
    ids: b.input("input_ids", "int64", ["B", "S"]),
    positions: b.input("positions", "int64", ["B", "S"]),
    types: b.input("token_types", "int64", ["B", "S"]),
    mask: b.input("mask", "float32", ["B", "S"]),
  };
}

/** What a head wants of the states [T, H] behind the last layer. */
function featuresOf(
  encoder: SentenceEncoder,
  wanted: TextWanted,
  { out, pool, mask, tokens }: { out: Value; pool: Value; mask: Value; tokens: () => Value },
): TextFeatures {
  const pooled = wanted.pooled || wanted.embedding ? encoder.pooled(out, pool) : undefined;
  return {
    ...(pooled && wanted.pooled && { pooled }),
    ...(pooled && wanted.embedding && { embedding: normalize(encoder.b, pooled) }),
    ...(wanted.tokens && { tokens: tokens() }),
    mask,
  };
}

function dropoutOf(b: GraphBuilder, wanted: boolean | undefined): Dropout {
  if (!wanted) return (value) => value;
  return (value, place) => b.op("Mul", [value, b.input(`dropout.${place}`, value.dtype, value.shape)]);
}
