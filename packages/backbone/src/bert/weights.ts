import { planWeights } from "../bundle/plan-weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import type { TextConfig } from "../text/config.ts";
import { type TextNames, textWeights } from "../text/weights.ts";

/**
 * Pairs each weight that the graphs name with the tensor of a BERT checkpoint that holds it. Accepts the `bert.` prefix of
 * task models and TensorFlow's old `gamma`/`beta`.
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planBertWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  config: TextConfig,
): PlannedWeight[] {
  return planWeights(shapes, textWeights(config, BERT_WEIGHTS), {
    what: "the BERT encoder",
    kind: "model type bert",
    dropped: BERT_DROPPED,
    plain: (name) => plainBertName(name, /^bert\./),
  });
}

/** BERT's names, which RoBERTa shares. */
export const BERT_WEIGHTS: TextNames = {
  word: "embeddings.word_embeddings",
  position: "embeddings.position_embeddings",
  type: "embeddings.token_type_embeddings",
  embeddingNorm: "embeddings.LayerNorm",
  layer: (at) => ({
    query: `encoder.layer.${at}.attention.self.query`,
    key: `encoder.layer.${at}.attention.self.key`,
    value: `encoder.layer.${at}.attention.self.value`,
    attentionOutput: `encoder.layer.${at}.attention.output.dense`,
    attentionNorm: `encoder.layer.${at}.attention.output.LayerNorm`,
    intermediate: `encoder.layer.${at}.intermediate.dense`,
    output: `encoder.layer.${at}.output.dense`,
    norm: `encoder.layer.${at}.output.LayerNorm`,
  }),
};

export function plainBertName(name: string, prefix: RegExp): string {
  return name
    .replace(prefix, "")
    .replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
    .replace(/LayerNorm\.beta$/, "LayerNorm.bias");
}

/** What a checkpoint may hold beside the encoder: heads of other tasks, and index buffers that are no weights. */
export const BERT_DROPPED = [
  "embeddings.position_ids",
  "embeddings.token_type_ids",
  "pooler.",
  "cls.",
  "classifier.",
  "qa_outputs.",
];
