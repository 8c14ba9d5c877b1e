import type { BackboneManifest } from "@kilotune/backbone";
import { chooseSettings } from "../choose-settings.ts";
import type { TuneSettings } from "../settings.ts";

/**
 * Settings of prompts for vectors. By held-out training rows of banking77 (bench retrieval): a rate of 0.03 learns next to
 * nothing, a softer softmax than classes have is better. A batch's texts are one another's negatives, so it is large.
 */
export function chooseRetrievalSettings(
  manifest: BackboneManifest,
  about: Parameters<typeof chooseSettings>[1],
): TuneSettings {
  const settings = chooseSettings(manifest, about);
  const promptLearningRate = settings.method === "lora" ? 10 * settings.promptLearningRate : 0.3;
  return { ...settings, batchSize: 64, promptLearningRate, temperature: 0.1 };
}
