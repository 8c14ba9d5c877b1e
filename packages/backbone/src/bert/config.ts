import { badConfig, epsilon, integer, object, oneOf } from "../config-fields.ts";

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
    layerNormEpsilon: epsilon(fields, "layer_norm_eps", 1e-12),
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
