import type { VisionManifest } from "@kilotune/backbone";
import { usualBorder } from "./dense-settings.ts";
import type { VisionMethod, VisionSettings } from "./settings.ts";

/**
 * Settings that need no tuning by the user. What the user gave goes first. The numbers were chosen by accuracy on training
 * images that a draw or a split had left over (cifar10, vit-s14-saliency), never on test images.
 */
export function chooseVisionSettings(
  { config }: Pick<VisionManifest, "config">,
  about: {
    method: VisionMethod;
    trainRows: number;
    seed: number;
    tokens?: number;
    firstLayer?: number;
    epochs?: number;
  },
): VisionSettings {
  const { method, trainRows, seed } = about;
  const { tokens, ...rates } = BY_METHOD[method];
  return {
    method,
    tokens: about.tokens ?? (method === "border" ? usualBorder(config) : tokens),
    // All layers: what a backbone of another task lost of the classes on its way up, only its early layers still have.
    firstLayer:
      method === "soft" || method === "border"
        ? 0
        : (about.firstLayer ?? (method === "head" ? config.layers - 1 : 0)),
    feature: config.hasClassToken ? "cls" : "mean",
    epochs: about.epochs ?? epochsFor(trainRows),
    batchSize: 16,
    ...rates,
    temperature: 0.1,
    warmup: 0.1,
    clipNorm: 1,
    copies: method === "head" ? 0 : 3,
    seed,
  };
}

type Rates = Pick<VisionSettings, "tokens" | "promptLearningRate" | "headLearningRate" | "dropout">;

const BY_METHOD: Readonly<Record<VisionMethod, Rates>> = {
  lora: { tokens: 8, promptLearningRate: 2e-3, headLearningRate: 3e-3, dropout: 0 },
  deep: { tokens: 10, promptLearningRate: 1e-2, headLearningRate: 3e-3, dropout: 0 },
  kv: { tokens: 10, promptLearningRate: 1e-2, headLearningRate: 3e-3, dropout: 0 },
  soft: { tokens: 10, promptLearningRate: 1e-2, headLearningRate: 3e-3, dropout: 0 },
  // A change of scale by a tenth is a large one.
  channels: { tokens: 0, promptLearningRate: 3e-3, headLearningRate: 3e-3, dropout: 0 },
  // In deviations of pixels: where the image begins and the border ends, tenths are to be seen.
  border: { tokens: 0, promptLearningRate: 1e-2, headLearningRate: 3e-3, dropout: 0 },
  head: { tokens: 0, promptLearningRate: 0, headLearningRate: 1e-2, dropout: 0 },
};

/** 8 epochs at 480 images; few images want more of them. */
function epochsFor(trainRows: number): number {
  return Math.min(30, Math.max(3, Math.round(8 * (480 / Math.max(1, trainRows)) ** 0.5)));
}
