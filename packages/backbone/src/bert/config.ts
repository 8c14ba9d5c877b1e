import { badConfig, epsilon, integer, object, oneOf } from "../config-fields.ts";
import type { TextConfig } from "../text/config.ts";

/**
 * Parses a Hugging Face `config.json` of model type `bert`. Absent optional fields take BertConfig's defaults there.
 * Every number is bounded, so that no later allocation can be made absurd by a file.
 * @throws KilotuneError `bad_config`, naming the field, what was expected and what was seen.
 */
export function parseBertConfig(json: unknown): TextConfig {
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
