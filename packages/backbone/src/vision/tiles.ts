import { preprocessingSha256, tiledPreprocessing } from "@kilotune/image";
import type { VisionBackbone } from "./backbone.ts";

/**
 * The same backbone for large images in tiles: its graphs are the same, its preprocessing is another, so that prompts of the
 * one aren't taken for the other's.
 */
export async function withTiles(backbone: VisionBackbone): Promise<VisionBackbone> {
  const { manifest } = backbone;
  const preprocessing = tiledPreprocessing(manifest.preprocessing);
  const preprocessingHash = await preprocessingSha256(preprocessing);
  return {
    ...backbone,
    manifest: {
      ...manifest,
      preprocessing,
      identity: { ...manifest.identity, preprocessingSha256: preprocessingHash },
    },
  };
}
