import { epsilon, integer, object, oneOf } from "../config-fields.ts";
import {
  type ImageSize,
  parseActivation,
  parseImageSize,
  parseSizes,
  type VisionCheckpoint,
} from "../vision/config.ts";

/**
 * Parses the `config.json` of a plain ViT as transformers writes it: supervised (`vit`), masked autoencoder (`vit_mae`),
 * CLIP's image tower (`clip_vision_model`, or within `clip`).
 * @throws KilotuneError `bad_config`, naming the field
 */
export function parseVitConfig(
  json: unknown,
  wanted?: ImageSize,
): VisionCheckpoint & { readonly dialect: VitDialect } {
  const outer = object(json, "config.json");
  const type = oneOf(outer, "model_type", ["vit", "vit_mae", "clip_vision_model", "clip"]);
  const isClip = type.startsWith("clip");
  const fields = type === "clip" ? object(outer.vision_config, "vision_config") : outer;
  const sizes = parseSizes(fields);
  const { height, width, trainedGrid } = parseImageSize(fields, sizes.patchSize, wanted);
  return {
    dialect: isClip ? "clip" : "vit",
    config: {
      ...sizes,
      height,
      width,
      intermediateSize: integer(fields, "intermediate_size", 1, 65_536),
      leadingTokens: 1,
      hasClassToken: true,
      activation: parseActivation(fields, isClip ? "quick_gelu" : "gelu"),
      mlp: "plain",
      normsInput: isClip,
      normsOutput: true,
      layerNormEpsilon: epsilon(fields, "layer_norm_eps", isClip ? 1e-5 : 1e-12),
    },
    trainedGrid,
    antialiasPositions: false,
    qkvBias: oneOf(fields, "qkv_bias", [true, false], true),
    patchBias: !isClip,
  };
}

/** Whose names the checkpoint's weights have. */
export type VitDialect = "vit" | "clip";
