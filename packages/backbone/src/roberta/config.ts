import { BERT_NAMES } from "../bert/config.ts";
import { epsilon, integer, object, oneOf } from "../config-fields.ts";
import { parseEncoderSizes, type TextConfig } from "../text/config.ts";

/** RoBERTa's config, and how its checkpoint differs from BERT's. */
export interface RobertaCheckpoint {
  readonly config: TextConfig;
  /** Rows of the table of positions: those up to the padding token's id stand for no position, so the first is the next. */
  readonly positionRows: number;
  /** 1: all tokens are of the one type, whose row is within the bundle's positions. */
  readonly typeRows: number;
}

export const ROBERTA_TYPES = ["roberta", "xlm-roberta", "camembert"] as const;

/**
 * Parses the `config.json` of a RoBERTa (Liu et al., arXiv:1907.11692) or XLM-RoBERTa (arXiv:1911.02116): BERT, but that
 * positions are counted from `pad_token_id` + 1 on.
 * @throws KilotuneError `bad_config`, naming the field
 */
export function parseRobertaConfig(json: unknown): RobertaCheckpoint {
  const fields = object(json, "config.json");
  oneOf(fields, "model_type", ROBERTA_TYPES);
  oneOf(fields, "is_decoder", [false], false);
  oneOf(fields, "position_embedding_type", ["absolute"], "absolute");
  const sizes = parseEncoderSizes(fields, BERT_NAMES);
  const vocabSize = integer(fields, "vocab_size", 1, 2_000_000);
  const padTokenId = integer(fields, "pad_token_id", 0, Math.min(vocabSize - 1, 1_000), 1);
  const positionRows = integer(fields, "max_position_embeddings", padTokenId + 9, 65_536);
  const typeRows = integer(fields, "type_vocab_size", 1, 64, 2);
  return {
    config: {
      ...sizes,
      intermediateSize: integer(fields, "intermediate_size", 1, 65_536),
      vocabSize,
      maxPositions: positionRows - padTokenId - 1,
      typeVocabSize: typeRows === 1 ? 0 : typeRows,
      layerNormEpsilon: epsilon(fields, "layer_norm_eps", 1e-12),
      activation: oneOf(fields, "hidden_act", ["gelu"], "gelu"),
      mlp: "plain",
      norms: "behind",
      positions: { kind: "absolute" },
      padTokenId,
    },
    positionRows,
    typeRows,
  };
}
