import { BERT_DROPPED, BERT_WEIGHTS, plainBertName } from "../bert/weights.ts";
import { planWeights } from "../bundle/plan-weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import { textWeights } from "../text/weights.ts";
import type { RobertaCheckpoint } from "./config.ts";

/**
 * Pairs each weight that the graphs name with the tensors of a RoBERTa or XLM-RoBERTa checkpoint. The bundle's table of
 * positions begins with the first that a token can have, so that everybody counts from 0.
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planRobertaWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  { config, positionRows, typeRows }: RobertaCheckpoint,
): PlannedWeight[] {
  const skipped = config.padTokenId + 1;
  const weights = textWeights(config, BERT_WEIGHTS, { positions: positionRows, skipped, types: typeRows });
  return planWeights(shapes, weights, {
    what: "the RoBERTa encoder",
    kind: "model type roberta or xlm-roberta",
    dropped: [...BERT_DROPPED, "lm_head."],
    plain: (name) => plainBertName(name, /^roberta\./),
  });
}
