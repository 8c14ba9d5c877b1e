import { epsilon, integer, object, oneOf } from "../config-fields.ts";
import { parseEncoderSizes, type TextConfig } from "../text/config.ts";

/**
 * Parses a Hugging Face `config.json` of model type `bert`. Absent optional fields take BertConfig's defaults there.
 * Every number is bounded, so that no later allocation can be made absurd by a file.
 * @throws KilotuneError `bad_config`, naming the field, what was expected and what was seen.
 */
export function parseBertConfig(json: unknown): TextConfig {
  const fields = object(json, "config.json");
  oneOf(fields, "model_type", ["bert"]);
  oneOf(fields, "is_decoder", [false], false);
  oneOf(fields, "position_embedding_type", ["absolute"], "absolute");
  const sizes = parseEncoderSizes(fields, BERT_NAMES);
  const vocabSize = integer(fields, "vocab_size", 1, 2_000_000);
  return {
    ...sizes,
    intermediateSize: integer(fields, "intermediate_size", 1, 65_536),
    vocabSize,
    maxPositions: integer(fields, "max_position_embeddings", 8, 65_536),
    typeVocabSize: integer(fields, "type_vocab_size", 1, 64, 2),
    layerNormEpsilon: epsilon(fields, "layer_norm_eps", 1e-12),
    activation: oneOf(fields, "hidden_act", ["gelu"], "gelu"),
    mlp: "plain",
    norms: "behind",
    positions: { kind: "absolute" },
    padTokenId: integer(fields, "pad_token_id", 0, vocabSize - 1, 0),
  };
}

/** How BERT and those that follow it call their sizes. */
export const BERT_NAMES = {
  layers: "num_hidden_layers",
  hiddenSize: "hidden_size",
  heads: "num_attention_heads",
};
