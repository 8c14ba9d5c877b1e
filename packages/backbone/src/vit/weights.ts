import { planWeights } from "../bundle/plan-weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import type { VisionCheckpoint } from "../vision/config.ts";
import { tableShapes, type VisionNames, visionWeights } from "../vision/weights.ts";
import type { VitDialect } from "./config.ts";

/**
 * Pairs each weight that the graphs name with the tensors of a ViT, MAE or CLIP checkpoint that it is made of.
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planVitWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  checkpoint: VisionCheckpoint & { readonly dialect: VitDialect },
): PlannedWeight[] {
  const isClip = checkpoint.dialect === "clip";
  const names = isClip ? clipNames(checkpoint) : vitNames(checkpoint);
  return planWeights(shapes, visionWeights(checkpoint, names), {
    what: "the vision transformer",
    kind: "model type vit, vit_mae, clip_vision_model or clip",
    plain: (name) => name.replace(isClip ? /^vision_model\./ : /^vit\./, ""),
    dropped: isClip ? CLIP_DROPPED : VIT_DROPPED,
  });
}

function vitNames({ config, trainedGrid }: VisionCheckpoint): VisionNames {
  const { one, table } = tableShapes(config, trainedGrid);
  return {
    classToken: { name: "embeddings.cls_token", shape: one },
    positions: { name: "embeddings.position_embeddings", shape: table },
    patch: "embeddings.patch_embeddings.projection",
    norm: "layernorm",
    layer: (at) => ({
      query: `encoder.layer.${at}.attention.attention.query`,
      key: `encoder.layer.${at}.attention.attention.key`,
      value: `encoder.layer.${at}.attention.attention.value`,
      attentionOutput: `encoder.layer.${at}.attention.output.dense`,
      norm1: `encoder.layer.${at}.layernorm_before`,
      norm2: `encoder.layer.${at}.layernorm_after`,
      intermediate: `encoder.layer.${at}.intermediate.dense`,
      output: `encoder.layer.${at}.output.dense`,
    }),
  };
}

function clipNames({ config, trainedGrid }: VisionCheckpoint): VisionNames {
  const { flat, vector } = tableShapes(config, trainedGrid);
  return {
    classToken: { name: "embeddings.class_embedding", shape: vector },
    positions: { name: "embeddings.position_embedding.weight", shape: flat },
    patch: "embeddings.patch_embedding",
    // Misspelt so in every CLIP checkpoint.
    inputNorm: "pre_layrnorm",
    norm: "post_layernorm",
    layer: (at) => ({
      query: `encoder.layers.${at}.self_attn.q_proj`,
      key: `encoder.layers.${at}.self_attn.k_proj`,
      value: `encoder.layers.${at}.self_attn.v_proj`,
      attentionOutput: `encoder.layers.${at}.self_attn.out_proj`,
      norm1: `encoder.layers.${at}.layer_norm1`,
      norm2: `encoder.layers.${at}.layer_norm2`,
      intermediate: `encoder.layers.${at}.mlp.fc1`,
      output: `encoder.layers.${at}.mlp.fc2`,
    }),
  };
}

const VIT_DROPPED = ["embeddings.mask_token", "pooler.", "classifier.", "decoder."];
const CLIP_DROPPED = [
  "embeddings.position_ids",
  "visual_projection.weight",
  "text_model.",
  "text_projection.weight",
  "logit_scale",
];
