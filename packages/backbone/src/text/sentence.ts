import { badConfig, integer, object } from "../config-fields.ts";
import type { TextConfig } from "./config.ts";

/** How token states become one sentence vector. The vector is divided by its length afterwards, whatever the mode. */
export type Pooling = "mean" | "cls";

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
export function parseMaxTokens(
  sentenceBertConfig: unknown,
  config: Pick<TextConfig, "maxPositions">,
): number {
  const fields =
    sentenceBertConfig === undefined ? {} : object(sentenceBertConfig, "sentence_bert_config.json");
  return Math.min(integer(fields, "max_seq_length", 8, 1_000_000, 512), config.maxPositions);
}

const POOLING_FLAGS: ReadonlyMap<string, Pooling> = new Map([
  ["pooling_mode_mean_tokens", "mean"],
  ["pooling_mode_cls_token", "cls"],
]);
