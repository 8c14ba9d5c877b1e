import type { BackboneManifest, TunedSite } from "@kilotune/backbone";
import type { Prng } from "@kilotune/dataset";
import { float32, type Tensor } from "@kilotune/engine";
import type { TuneSettings } from "./settings.ts";

/** A tuning method answers three questions: where the prompt joins, what is trainable, how it starts. */
export interface PromptSite {
  readonly site: TunedSite;
  /** Shape of the trainable tensor: kv [layers, 2, heads, tokens, headDim], soft [tokens, hidden]. */
  readonly dims: readonly number[];
  start(random: Prng): Float32Array;
}

export function promptSite(settings: TuneSettings, { config }: BackboneManifest): PromptSite {
  const { method, tokens, firstLayer, initScale } = settings;
  const start = (size: number) => (random: Prng) =>
    Float32Array.from({ length: size }, () => initScale * random.normal());
  if (method === "soft") {
    const dims = [tokens, config.hiddenSize];
    return { site: { kind: "soft" }, dims, start: start(tokens * config.hiddenSize) };
  }
  const dims = [config.layers - firstLayer, 2, config.heads, tokens, config.headDim];
  return { site: { kind: "kv", firstLayer }, dims, start: start(dims.reduce((a, b) => a * b, 1)) };
}

/** The prompt as the feed that its site reads. */
export function promptFeed(site: PromptSite, prompt: Float32Array): Record<string, Tensor> {
  return { [site.site.kind]: float32(prompt, site.dims) };
}
