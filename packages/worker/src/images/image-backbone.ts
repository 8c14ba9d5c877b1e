import type { VisionBackbone } from "@kilotune/backbone";
import type { ImageBackbone } from "@kilotune/prompt";

/** As a prompt's manifest names it, and is checked against. */
export function imageBackbone({ manifest }: Pick<VisionBackbone, "manifest">): ImageBackbone {
  const { id, licence, identity, config } = manifest;
  const { layers, hiddenSize, heads, headDim, width, height, patchSize } = config;
  const image = { width, height };
  return { id, licence, ...identity, layers, hiddenSize, heads, headDim, image, patchSize };
}
