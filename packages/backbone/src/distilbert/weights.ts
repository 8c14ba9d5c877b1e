import { planWeights } from "../bundle/plan-weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import type { TextConfig } from "../text/config.ts";
import { type TextNames, textWeights } from "../text/weights.ts";

/**
 * Pairs each weight that the graphs name with the tensor of a DistilBERT checkpoint that holds it.
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planDistilbertWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  config: TextConfig,
): PlannedWeight[] {
  return planWeights(shapes, textWeights(config, NAMES), {
    what: "the DistilBERT encoder",
    kind: "model type distilbert",
    dropped: [
      "embeddings.position_ids",
      "vocab_transform.",
      "vocab_layer_norm.",
      "vocab_projector.",
      "pre_classifier.",
      "classifier.",
      "qa_outputs.",
    ],
    plain: (name) => name.replace(/^distilbert\./, ""),
  });
}

const NAMES: TextNames = {
  word: "embeddings.word_embeddings",
  position: "embeddings.position_embeddings",
  embeddingNorm: "embeddings.LayerNorm",
  layer: (at) => ({
    query: `transformer.layer.${at}.attention.q_lin`,
    key: `transformer.layer.${at}.attention.k_lin`,
    value: `transformer.layer.${at}.attention.v_lin`,
    attentionOutput: `transformer.layer.${at}.attention.out_lin`,
    attentionNorm: `transformer.layer.${at}.sa_layer_norm`,
    intermediate: `transformer.layer.${at}.ffn.lin1`,
    output: `transformer.layer.${at}.ffn.lin2`,
    norm: `transformer.layer.${at}.output_layer_norm`,
  }),
};
