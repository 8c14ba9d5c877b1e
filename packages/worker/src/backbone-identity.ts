import type { Backbone } from "@kilotune/backbone";
import type { TextIdentity } from "@kilotune/prompt";

/** What a prompt is checked against. */
export function backboneIdentity({ manifest }: Backbone): TextIdentity {
  const { layers, hiddenSize, heads, headDim } = manifest.config;
  return { id: manifest.id, ...manifest.identity, layers, hiddenSize, heads, headDim };
}
