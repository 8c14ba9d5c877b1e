import { BERT_NAMES } from "../bert/config.ts";
import { badConfig, epsilon, type Fields, integer, object, oneOf } from "../config-fields.ts";
import { parseEncoderSizes, type RotaryLayer, type TextConfig } from "../text/config.ts";

/**
 * Parses the `config.json` of a ModernBERT (Warner et al., arXiv:2412.13663): norms in front, a gated MLP, no biases, no
 * table of positions but queries and keys that are turned, and layers of which only some see the whole text. Reads both
 * spellings: `global_attn_every_n_layers` with two thetas, and `layer_types` with `rope_parameters`.
 * @throws KilotuneError `bad_config`, naming the field
 */
export function parseModernbertConfig(json: unknown): TextConfig {
  const fields = object(json, "config.json");
  oneOf(fields, "model_type", ["modernbert"]);
  for (const name of ["attention_bias", "mlp_bias", "norm_bias"]) oneOf(fields, name, [false], false);
  const sizes = parseEncoderSizes(fields, BERT_NAMES);
  if (sizes.headDim % 2 !== 0)
    throw badConfig("num_attention_heads", "heads of an even number of dimensions", sizes.headDim);
  const vocabSize = integer(fields, "vocab_size", 1, 2_000_000, 50_368);
  return {
    ...sizes,
    intermediateSize: integer(fields, "intermediate_size", 1, 65_536),
    vocabSize,
    maxPositions: integer(fields, "max_position_embeddings", 8, 65_536, 8_192),
    typeVocabSize: 0,
    layerNormEpsilon: epsilon(fields, "norm_eps", 1e-5),
    activation: oneOf(fields, "hidden_activation", ["gelu"], "gelu"),
    mlp: "gated",
    norms: "in front",
    positions: { kind: "rotary", layers: rotaryLayers(fields, sizes.layers) },
    padTokenId: integer(fields, "pad_token_id", 0, vocabSize - 1, Math.min(50_283, vocabSize - 1)),
  };
}

function rotaryLayers(fields: Fields, layers: number): RotaryLayer[] {
  const everywhere = { theta: thetaOf(fields, "full_attention", "global_rope_theta", 160_000) };
  const near = {
    theta: thetaOf(fields, "sliding_attention", "local_rope_theta", 10_000),
    reach: Math.floor(integer(fields, "local_attention", 2, 65_536, 128) / 2),
  };
  const types = layerTypes(fields, layers);
  return types.map((type) => (type === "full_attention" ? everywhere : near));
}

function layerTypes(fields: Fields, layers: number): LayerType[] {
  const given = fields.layer_types ?? undefined;
  if (given === undefined) {
    const every = integer(fields, "global_attn_every_n_layers", 1, 128, 3);
    return Array.from({ length: layers }, (_, at) =>
      at % every === 0 ? "full_attention" : "sliding_attention",
    );
  }
  if (!Array.isArray(given) || given.length !== layers)
    throw badConfig("layer_types", `a list of ${layers} kinds of attention`, given);
  return given.map((type) => oneOf({ layer_types: type }, "layer_types", LAYER_TYPES));
}

type LayerType = (typeof LAYER_TYPES)[number];

const LAYER_TYPES = ["full_attention", "sliding_attention"] as const;

/** Within `rope_parameters` or, in older files, in a field of its own. Stretched waves are other numbers, and refused. */
function thetaOf(fields: Fields, type: LayerType, oldName: string, fallback: number): number {
  oneOf(fields, "rope_scaling", [null], null);
  const all = fields.rope_parameters ?? undefined;
  const own = all === undefined ? undefined : (object(all, "rope_parameters")[type] ?? undefined);
  const parameters = own === undefined ? {} : object(own, `rope_parameters.${type}`);
  oneOf(parameters, "rope_type", ["default"], "default");
  const theta = parameters.rope_theta ?? fields[oldName] ?? fallback;
  if (typeof theta !== "number" || !(theta >= 1 && theta <= 1e12))
    throw badConfig(
      own === undefined ? oldName : `rope_parameters.${type}.rope_theta`,
      "a number from 1 to 1e12",
      theta,
    );
  return theta;
}
