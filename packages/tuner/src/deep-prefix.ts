import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { float32, type Tensor } from "@kilotune/engine";

/**
 * Deep prompts [L - firstLayer, P, H], flat -> `kv` [L - firstLayer, 2, N, P, D], what a file holds of them and what is served: the
 * keys and values that they are to every text or image.
 */
export async function deepPrefix(
  backbone: Backbone | VisionBackbone,
  firstLayer: number,
  deep: Float32Array,
): Promise<Tensor> {
  const { layers, hiddenSize } = backbone.manifest.config;
  const prompted = layers - firstLayer;
  const session = await backbone.open({ kind: "prefix", firstLayer });
  try {
    const { kv } = await session.run({
      deep: float32(deep, [prompted, deep.length / (prompted * hiddenSize), hiddenSize]),
    });
    return kv as Tensor;
  } finally {
    await session.release();
  }
}
