import { METHODS_OF, type MethodName } from "@kilotune/contract";
import type { BackboneObject } from "@kilotune/contract/wire";
import type { BackboneManifest } from "./bundle/manifest.ts";
import type { VisionManifest } from "./vision/manifest.ts";
import { KNOWN_BACKBONES } from "./registry/backbones.ts";

/** A backbone as the API tells of it. */
export function describeBackbone(manifest: BackboneManifest | VisionManifest): BackboneObject {
  const { id, licence, config } = manifest;
  const about = {
    id,
    object: "backbone" as const,
    title: KNOWN_BACKBONES.find((known) => known.id === id)?.title ?? id,
    licence,
    methods: [...methodsOfBackbone(manifest)],
    hidden_size: config.hiddenSize,
  };
  if ("preprocessing" in manifest)
    return { ...about, input: "image", tasks: ["classify", "segment", "detect"], max_tokens: null };
  return { ...about, input: "text", tasks: ["classify", "embeddings"], max_tokens: manifest.maxTokens };
}

/** What it can be tuned by, the default first. */
export function methodsOfBackbone(manifest: BackboneManifest | VisionManifest): readonly MethodName[] {
  if (!("preprocessing" in manifest)) return METHODS_OF.text;
  if (manifest.family !== "graph") return METHODS_OF.image;
  return METHODS_OF[manifest.config.channels ? "graph" : "bareGraph"];
}

/** What a first layer is below: layers of attention, or stages of channels. */
export function promptableLayers({ config }: BackboneManifest | VisionManifest): number {
  return ("stages" in config ? config.stages : undefined) || config.layers;
}
