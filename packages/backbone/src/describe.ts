import type { BackboneObject } from "@kilotune/contract/wire";
import type { BackboneManifest } from "./bundle/manifest.ts";
import type { VisionManifest } from "./vision/manifest.ts";
import { KNOWN_BACKBONES } from "./registry/backbones.ts";

/** A backbone as the API tells of it. */
export function describeBackbone(manifest: BackboneManifest | VisionManifest): BackboneObject {
  const { id, licence, config } = manifest;
  const about = {
    id,
    object: "backbone",
    title: KNOWN_BACKBONES.find((known) => known.id === id)?.title ?? id,
    licence,
    hidden_size: config.hiddenSize,
  } as const;
  if ("preprocessing" in manifest)
    return { ...about, input: "image", tasks: ["classify", "segment", "detect"], max_tokens: null };
  return { ...about, input: "text", tasks: ["classify", "embeddings"], max_tokens: manifest.maxTokens };
}
