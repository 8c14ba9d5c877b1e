import type { BackboneObject } from "@kilotune/contract/wire";
import type { BackboneManifest } from "./bundle/manifest.ts";
import { KNOWN_BACKBONES } from "./registry/backbones.ts";

/** A backbone as the API tells of it. */
export function describeBackbone({ id, licence, config, maxTokens }: BackboneManifest): BackboneObject {
  return {
    id,
    object: "backbone",
    title: KNOWN_BACKBONES.find((known) => known.id === id)?.title ?? id,
    licence,
    input: "text",
    tasks: ["classify", "embeddings"],
    hidden_size: config.hiddenSize,
    max_tokens: maxTokens,
  };
}
