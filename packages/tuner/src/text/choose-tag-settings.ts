import type { BackboneManifest } from "@kilotune/backbone";
import { chooseSettings } from "../choose-settings.ts";
import type { TuneSettings } from "../settings.ts";

/**
 * Settings of a tagger. Chosen by span F1 on held-out training rows (xsid English, three folds): the prompt wants a far
 * higher rate than for whole texts, more tokens and small batches; the layers below a third of the depth may stay frozen.
 * The rate of LoRA is that of whole texts: nobody searched for another.
 */
export function chooseTagSettings(
  manifest: BackboneManifest,
  about: Parameters<typeof chooseSettings>[1],
): TuneSettings {
  const firstLayer = about.firstLayer ?? Math.floor(manifest.config.layers / 3);
  const isLora = about.method === "lora";
  const settings = chooseSettings(manifest, { ...(isLora ? {} : { tokens: 16 }), ...about, firstLayer });
  return {
    ...settings,
    epochs: about.epochs ?? Math.max(4, Math.min(20, Math.round(6000 / Math.max(1, about.trainRows)))),
    batchSize: 16,
    promptLearningRate: isLora ? settings.promptLearningRate : 0.1,
    headLearningRate: 0.01,
    temperature: 0.1,
  };
}

/** Inverse strength of the probe that a tagger starts from: a surer one leaves the prompt nothing to learn from. */
export const START_C = 1;
