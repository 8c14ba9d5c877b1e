import { planWeights } from "../bundle/plan-weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import type { VisionCheckpoint } from "../vision/config.ts";
import { tableShapes, visionWeights } from "../vision/weights.ts";

/**
 * Pairs each weight that the graphs name with the tensors of a DINOv2 checkpoint that it is made of.
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planDinov2Weights(
  shapes: ReadonlyMap<string, readonly number[]>,
  checkpoint: VisionCheckpoint,
): PlannedWeight[] {
  const { config, trainedGrid } = checkpoint;
  const { one, table } = tableShapes(config, trainedGrid);
  const registers = config.leadingTokens - 1;
  const [into, out] = config.mlp === "gated" ? ["weights_in", "weights_out"] : ["fc1", "fc2"];
  const weights = visionWeights(checkpoint, {
    classToken: { name: "embeddings.cls_token", shape: one },
    ...(registers > 0 && {
      registers: { name: "embeddings.register_tokens", shape: [1, registers, config.hiddenSize] },
    }),
    positions: { name: "embeddings.position_embeddings", shape: table },
    patch: "embeddings.patch_embeddings.projection",
    norm: "layernorm",
    layer: (at) => ({
      query: `encoder.layer.${at}.attention.attention.query`,
      key: `encoder.layer.${at}.attention.attention.key`,
      value: `encoder.layer.${at}.attention.attention.value`,
      attentionOutput: `encoder.layer.${at}.attention.output.dense`,
      norm1: `encoder.layer.${at}.norm1`,
      norm2: `encoder.layer.${at}.norm2`,
      intermediate: `encoder.layer.${at}.mlp.${into}`,
      output: `encoder.layer.${at}.mlp.${out}`,
      scale1: `encoder.layer.${at}.layer_scale1.lambda1`,
      scale2: `encoder.layer.${at}.layer_scale2.lambda1`,
    }),
  });
  return planWeights(shapes, weights, {
    what: "the DINOv2 encoder",
    kind: "model type dinov2 or dinov2_with_registers",
    plain: (name) => name.replace(/^dinov2(_with_registers)?\./, ""),
    dropped: ["embeddings.mask_token", "classifier."],
  });
}
