import type { BackboneManifest } from "@kilotune/backbone";
import { chooseSettings } from "../choose-settings.ts";
import type { TuneSettings } from "../settings.ts";

/** Settings of prompts for numbers. */
export function chooseRegressionSettings(
  manifest: BackboneManifest,
  about: Parameters<typeof chooseSettings>[1],
): TuneSettings {
  return { ...chooseSettings(manifest, about), temperature: 0.1 };
}
