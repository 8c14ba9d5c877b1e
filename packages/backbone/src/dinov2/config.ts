import { epsilon, integer, object, oneOf } from "../config-fields.ts";
import {
  type ImageSize,
  parseActivation,
  parseImageSize,
  parseSizes,
  type VisionCheckpoint,
} from "../vision/config.ts";

/**
 * Parses the `config.json` of a DINOv2 (Oquab et al., arXiv:2304.07193), with registers (Darcet et al., arXiv:2309.16588)
 * or without.
 * @throws KilotuneError `bad_config`, naming the field
 */
export function parseDinov2Config(json: unknown, wanted?: ImageSize): VisionCheckpoint {
  const fields = object(json, "config.json");
  const type = oneOf(fields, "model_type", ["dinov2", "dinov2_with_registers"]);
  const hasRegisters = type === "dinov2_with_registers";
  const sizes = parseSizes(fields);
  const { height, width, trainedGrid } = parseImageSize(fields, sizes.patchSize, wanted);
  const gated = oneOf(fields, "use_swiglu_ffn", [true, false], false);
  const wide = sizes.hiddenSize * integer(fields, "mlp_ratio", 1, 64, 4);
  return {
    config: {
      ...sizes,
      height,
      width,
      // A gated layer keeps two thirds, rounded up to eights.
      intermediateSize: gated ? Math.floor((Math.floor((wide * 2) / 3) + 7) / 8) * 8 : wide,
      leadingTokens: 1 + (hasRegisters ? integer(fields, "num_register_tokens", 0, 256, 4) : 0),
      hasClassToken: true,
      activation: parseActivation(fields, "gelu"),
      mlp: gated ? "gated" : "plain",
      normsInput: false,
      normsOutput: true,
      layerNormEpsilon: epsilon(fields, "layer_norm_eps", 1e-6),
    },
    trainedGrid,
    antialiasPositions: hasRegisters,
    qkvBias: oneOf(fields, "qkv_bias", [true, false], true),
    patchBias: true,
  };
}
