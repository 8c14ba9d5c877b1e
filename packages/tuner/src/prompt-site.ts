import type { BackboneManifest, TunedSite, TunedVisionSite } from "@kilotune/backbone";
import type { Prng } from "@kilotune/dataset";
import { type Feeds, float32, sizeOf, type Tensor } from "@kilotune/engine";
import type { DropoutMasks } from "./dropout-masks.ts";
import type { TuneSettings } from "./settings.ts";

/** A tuning method answers three questions: where the prompt joins, what is trainable, how it starts. */
export interface PromptSite<Site extends { readonly kind: string } = TunedSite | TunedVisionSite> {
  readonly site: Site;
  /** Shape of the trainable tensor: kv [layers, 2, heads, tokens, headDim], soft [tokens, hidden] .. */
  readonly dims: readonly number[];
  start(random: Prng): Float32Array;
  /** Masks of one pass. @param rows its feeds, for their sizes */
  dropout(masks: DropoutMasks, random: Prng, rows: Feeds): Feeds;
}

export function promptSite(settings: TuneSettings, { config }: BackboneManifest): PromptSite<TunedSite> {
  const { method, tokens, firstLayer, initScale } = settings;
  const { hiddenSize, heads, headDim, layers } = config;
  const site: TunedSite = method === "soft" ? { kind: "soft" } : { kind: "kv", firstLayer };
  const dims = method === "soft" ? [tokens, hiddenSize] : [layers - firstLayer, 2, heads, tokens, headDim];
  return {
    site,
    dims,
    start: (random) => normals(random, sizeOf(dims), initScale),
    dropout(masks, random, { hidden }) {
      const [B, S] = (hidden as Tensor).dims as [number, number];
      const queries = method === "soft" ? tokens + S : S;
      const drawn: Record<string, Tensor> = { "dropout.prompt": masks.draw(dims, random) };
      for (let layer = firstLayer; layer < layers; layer++) {
        // In a late prompt's first layer the text's own attention is frozen: there the mask is on the prefix alone.
        const keys = layer === firstLayer && layer > 0 ? tokens : tokens + S;
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

/** The prompt as the feed that its site reads; none where there is no site. */
export function promptFeed(site: PromptSite | undefined, prompt: Float32Array): Record<string, Tensor> {
  return site === undefined ? {} : { [site.site.kind]: float32(prompt, site.dims) };
}
