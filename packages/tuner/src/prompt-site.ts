import { type BackboneManifest, biasNumbers, type TunedSite, type TunedVisionSite } from "@kilotune/backbone";
import type { Prng } from "@kilotune/dataset";
import { type Feeds, float32, sizeOf, type Tensor } from "@kilotune/engine";
import type { DropoutMasks } from "./dropout-masks.ts";
import type { TuneSettings } from "./settings.ts";

/** A tuning method answers three questions: where the prompt joins, what is trainable, how it starts. */
export interface PromptSite<Site extends { readonly kind: string } = TunedSite | TunedVisionSite> {
  readonly site: Site;
  /** Shape of the trainable tensor: kv [layers, 2, heads, tokens, headDim], deep [layers, tokens, hidden] .. */
  readonly dims: readonly number[];
  start(random: Prng): Float32Array;
  /** Masks of one pass. @param rows its feeds, for their sizes */
  dropout(masks: DropoutMasks, random: Prng, rows: Feeds): Feeds;
}

export function promptSite(settings: TuneSettings, { config }: BackboneManifest): PromptSite<TunedSite> {
  const { method, tokens, firstLayer, initScale } = settings;
  const { hiddenSize, heads, headDim, layers } = config;
  const prompted = layers - firstLayer;
  const { site, dims } = {
    soft: { site: { kind: "soft" }, dims: [tokens, hiddenSize] },
    kv: { site: { kind: "kv", firstLayer }, dims: [prompted, 2, heads, tokens, headDim] },
    deep: { site: { kind: "deep", firstLayer }, dims: [prompted, tokens, hiddenSize] },
    lora: { site: { kind: "lora", firstLayer }, dims: [prompted, 2, 2, tokens, hiddenSize] },
    bias: { site: { kind: "biases", firstLayer }, dims: [biasNumbers(config, firstLayer)] },
  }[method] as Pick<PromptSite<TunedSite>, "site" | "dims">;
  return {
    site,
    dims,
    start(random) {
      // Nothing is added at first: a run starts at the plain backbone.
      if (method === "bias") return new Float32Array(sizeOf(dims));
      if (method === "lora") return startLora(random, sizeOf(dims), tokens, hiddenSize);
      return normals(random, sizeOf(dims), initScale);
    },
    dropout(masks, random, { hidden }) {
      const [B, S] = (hidden as Tensor).dims as [number, number];
      const queries = method === "soft" ? tokens + S : S;
      const drawn: Record<string, Tensor> = {};
      if (method !== "bias") drawn["dropout.prompt"] = masks.draw(dims, random);
      const isPrefix = method === "kv" || method === "deep";
      for (let layer = firstLayer; layer < layers; layer++) {
        // In a late prefix's first layer the text's own attention is frozen: there the mask is on the prefix alone.
        const isFrozen = isPrefix && layer === firstLayer && layer > 0;
        const keys = !isPrefix && method !== "soft" ? S : isFrozen ? tokens : tokens + S;
        drawn[`dropout.${layer}.attention`] = masks.draw([B, heads, queries, keys], random);
        drawn[`dropout.${layer}.mixed`] = masks.draw([B * queries, hiddenSize], random);
        drawn[`dropout.${layer}.output`] = masks.draw([B * queries, hiddenSize], random);
      }
      return drawn;
    },
  };
}

export function normals(random: Prng, size: number, deviation: number): Float32Array {
  return Float32Array.from({ length: size }, () => deviation * random.normal());
}

/** LoRA (Hu et al., arXiv:2106.09685): the first factor random, the second zero, so that a run starts at the plain backbone. */
export function startLora(random: Prng, size: number, rank: number, hiddenSize: number): Float32Array {
  const values = new Float32Array(size);
  const factor = rank * hiddenSize;
  const deviation = 1 / Math.sqrt(3 * hiddenSize);
  for (let from = 0; from < size; from += 2 * factor)
    for (let at = from; at < from + factor; at++) values[at] = deviation * random.normal();
  return values;
}

/** The prompt as the feed that its site reads; none where there is no site. */
export function promptFeed(site: PromptSite | undefined, prompt: Float32Array): Record<string, Tensor> {
  return site === undefined ? {} : { [site.site.kind]: float32(prompt, site.dims) };
}
