import { integer, object, oneOf } from "../config-fields.ts";
import { parseEncoderSizes, type TextConfig } from "../text/config.ts";

/**
 * Parses the `config.json` of a DistilBERT (Sanh et al., arXiv:1910.01108): BERT without token types, under other names.
 * @throws KilotuneError `bad_config`, naming the field
 */
export function parseDistilbertConfig(json: unknown): TextConfig {
  const fields = object(json, "config.json");
  oneOf(fields, "model_type", ["distilbert"]);
  const sizes = parseEncoderSizes(fields, { layers: "n_layers", hiddenSize: "dim", heads: "n_heads" });
  const vocabSize = integer(fields, "vocab_size", 1, 2_000_000, 30_522);
  return {
    ...sizes,
    intermediateSize: integer(fields, "hidden_dim", 1, 65_536),
    vocabSize,
    maxPositions: integer(fields, "max_position_embeddings", 8, 65_536, 512),
    typeVocabSize: 0,
    // Not in the file: transformers has it in its code.
    layerNormEpsilon: 1e-12,
    activation: oneOf(fields, "activation", ["gelu"], "gelu"),
    mlp: "plain",
    norms: "behind",
    positions: { kind: "absolute" },
    padTokenId: integer(fields, "pad_token_id", 0, vocabSize - 1, 0),
  };
}
