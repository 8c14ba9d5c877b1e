import { BERT_NAMES } from "../bert/config.ts";
import { epsilon, integer, object, oneOf } from "../config-fields.ts";
import { parseEncoderSizes, type TextConfig } from "../text/config.ts";

/** The padding token, and the last row of the table of positions that stands for none. transformers has it in its code. */
export const MPNET_PAD = 1;

/**
 * Parses the `config.json` of an MPNet (Song et al., arXiv:2004.09297): BERT without token types, its positions counted from
 * 2 on, and scores of attention with a number by head and distance.
 * @throws KilotuneError `bad_config`, naming the field
 */
export function parseMpnetConfig(json: unknown): TextConfig {
  const fields = object(json, "config.json");
  oneOf(fields, "model_type", ["mpnet"]);
  // transformers reads the number and then counts 32 all the same.
  oneOf(fields, "relative_attention_num_buckets", [32], 32);
  oneOf(fields, "pad_token_id", [MPNET_PAD], MPNET_PAD);
  const sizes = parseEncoderSizes(fields, BERT_NAMES);
  return {
    ...sizes,
    intermediateSize: integer(fields, "intermediate_size", 1, 65_536),
    vocabSize: integer(fields, "vocab_size", 2, 2_000_000),
    maxPositions: integer(fields, "max_position_embeddings", MPNET_PAD + 9, 65_536) - MPNET_PAD - 1,
    typeVocabSize: 0,
    layerNormEpsilon: epsilon(fields, "layer_norm_eps", 1e-12),
    activation: oneOf(fields, "hidden_act", ["gelu"], "gelu"),
    mlp: "plain",
    norms: "behind",
    positions: { kind: "relative" },
    padTokenId: MPNET_PAD,
  };
}
