import { KilotuneError } from "@kilotune/contract";

/** What a BERT encoder's graph needs to know, parsed from a checkpoint's `config.json`. Nobody re-checks it. */
export interface BertConfig {
  readonly layers: number;
  /** Width H of the residual stream. */
  readonly hiddenSize: number;
  readonly heads: number;
  /** hiddenSize / heads, exactly. */
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  /** Rows of the position table: the longest sequence that the encoder can read, special tokens included. */
  readonly maxPositions: number;
  readonly typeVocabSize: number;
  readonly layerNormEpsilon: number;
  /** The exact, erf-based GELU; its tanh approximations give other numbers and are refused. */
  readonly activation: "gelu";
  readonly positions: "absolute";
  readonly padTokenId: number;
}

/** How token states become one sentence vector. The vector is divided by its length afterwards, whatever the mode. */
export type Pooling = "mean" | "cls";

/**
 * Parses a Hugging Face `config.json` of model type `bert`. Absent optional fields take BertConfig's defaults there.
 * Every number is bounded, so that no later allocation can be made absurd by a file.
 * @throws KilotuneError `bad_config`, naming the field, what was expected and what was seen.
 */
export function parseBertConfig(json: unknown): BertConfig {
  const fields = object(json, "config.json");
  oneOf(fields, "model_type", ["bert"]);
  oneOf(fields, "is_decoder", [false], false);
  const hiddenSize = integer(fields, "hidden_size", 1, 16_384);
  const heads = integer(fields, "num_attention_heads", 1, 256);
  if (hiddenSize % heads !== 0) {
    throw badConfig("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`, heads);
  }
  const vocabSize = integer(fields, "vocab_size", 1, 2_000_000);
  return {
    layers: integer(fields, "num_hidden_layers", 1, 128),
    hiddenSize,
    heads,
    headDim: hiddenSize / heads,
    intermediateSize: integer(fields, "intermediate_size", 1, 65_536),
    vocabSize,
    maxPositions: integer(fields, "max_position_embeddings", 8, 65_536),
    typeVocabSize: integer(fields, "type_vocab_size", 1, 64, 2),
    layerNormEpsilon: epsilon(fields),
    activation: oneOf(fields, "hidden_act", ["gelu"], "gelu"),
    positions: oneOf(fields, "position_embedding_type", ["absolute"], "absolute"),
    padTokenId: integer(fields, "pad_token_id", 0, vocabSize - 1, 0),
  };
}

/**
 * Parses sentence-transformers' `1_Pooling/config.json`; a checkpoint without one is pooled by the mean.
 * @throws KilotuneError `bad_config` where the file asks for another pooling, or for several at once.
 */
export function parsePooling(json: unknown): Pooling {
  if (json === undefined) return "mean";
  const fields = object(json, "1_Pooling/config.json");
  const wanted = Object.keys(fields).filter((key) => key.startsWith("pooling_mode_") && fields[key] === true);
  const mode = wanted.length === 1 ? POOLING_FLAGS.get(wanted[0]!) : undefined;
  if (mode === undefined) {
    const flags = [...POOLING_FLAGS.keys()].join(" or ");
    throw badConfig("1_Pooling/config.json", `exactly one of ${flags} to be true`, wanted);
  }
  return mode;
}

/**
 * Tokens that a text may have, special tokens included: sentence-transformers' `max_seq_length` (the length that the
 * checkpoint was trained at), else 512; never more than the encoder has positions for.
 * @throws KilotuneError `bad_config`
 */
export function parseMaxTokens(sentenceBertConfig: unknown, config: BertConfig): number {
  const fields =
    sentenceBertConfig === undefined ? {} : object(sentenceBertConfig, "sentence_bert_config.json");
  return Math.min(integer(fields, "max_seq_length", 8, 1_000_000, 512), config.maxPositions);
}

const POOLING_FLAGS: ReadonlyMap<string, Pooling> = new Map([
  ["pooling_mode_mean_tokens", "mean"],
  ["pooling_mode_cls_token", "cls"],
]);

type Fields = Readonly<Record<string, unknown>>;

function object(json: unknown, file: string): Fields {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw badConfig(file, "a JSON object", json);
  return json as Fields;
}

/** Hugging Face writes `null` where a field is left to its default. */
function read(fields: Fields, name: string, fallback: unknown): unknown {
  return Object.hasOwn(fields, name) ? (fields[name] ?? fallback) : fallback;
}

function integer(fields: Fields, name: string, least: number, most: number, fallback?: number): number {
  const value = read(fields, name, fallback);
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw badConfig(name, `a whole number from ${least} to ${most}`, value);
  }
  return value;
}

function epsilon(fields: Fields): number {
  const value = read(fields, "layer_norm_eps", 1e-12);
  // Below float32's smallest normal number the epsilon is gone before it is added.
  if (typeof value !== "number" || !(value >= 1e-37 && value <= 0.1)) {
    throw badConfig("layer_norm_eps", "a number from 1e-37 to 0.1", value);
  }
  return value;
}

function oneOf<const T>(fields: Fields, name: string, accepted: readonly T[], fallback?: T): T {
  const value = read(fields, name, fallback);
  const found = accepted.find((candidate) => candidate === value);
  if (found === undefined)
    throw badConfig(name, accepted.map((each) => JSON.stringify(each)).join(" or "), value);
  return found;
}

function badConfig(field: string, expected: string, seen: unknown): KilotuneError {
  const shown = seen === undefined ? "nothing" : (JSON.stringify(seen) ?? String(seen)).slice(0, 80);
  return new KilotuneError(
    "bad_config",
    `${field}: expected ${expected}, saw ${shown}.`,
    "Use a checkpoint folder of model type bert as transformers or sentence-transformers saved it.",
  );
}
