import type { TunedVisionSite, VisionManifest, VisionSite } from "@kilotune/backbone";
import type { Prng } from "@kilotune/dataset";
import { sizeOf } from "@kilotune/engine";
import { borderPlaces } from "@kilotune/image";
import { normals, type PromptSite, startLora } from "../prompt-site.ts";
import type { VisionSettings } from "./settings.ts";

/** Where a method's prompt joins a backbone of images; undefined where a head learns alone. */
export function visionSite(
  settings: Pick<VisionSettings, "method" | "tokens" | "firstLayer">,
  { config }: Pick<VisionManifest, "config">,
): PromptSite<TunedVisionSite> | undefined {
  const { method, tokens, firstLayer } = settings;
  const { hiddenSize: H, heads, headDim, patchSize } = config;
  const prompted = config.layers - firstLayer;
  const of = (
    site: TunedVisionSite,
    dims: readonly number[],
    start: (random: Prng, size: number) => Float32Array,
  ): PromptSite<TunedVisionSite> => ({
    site,
    dims,
    start: (random) => start(random, sizeOf(dims)),
    dropout: (masks, random) => ({ "dropout.prompt": masks.draw(dims, random) }),
  });
  // VPT's own start (Jia et al., arXiv:2203.12119): as wide as a patch's projection starts.
  const reach = Math.sqrt(6 / (3 * patchSize ** 2 + H));
  const uniform = (random: Prng, size: number) =>
    Float32Array.from({ length: size }, () => reach * (2 * random.uniform() - 1));
  switch (method) {
    case "head":
      return undefined;
    case "soft":
      return of({ kind: "soft" }, [tokens, H], uniform);
    case "deep":
      return of({ kind: "deep", firstLayer }, [prompted, tokens, H], uniform);
    case "kv":
      return of({ kind: "kv", firstLayer }, [prompted, 2, heads, tokens, headDim], (random, size) =>
        normals(random, size, 0.02),
      );
    case "channels":
      // Zeros are the graph as it is.
      return of(
        { kind: "channels", firstStage: firstLayer },
        [2, config.channels ?? 0],
        (_, size) => new Float32Array(size),
      );
    case "border":
      return of(
        { kind: "border", width: tokens },
        [3, borderPlaces(config, tokens).length],
        (_, size) => new Float32Array(size),
      );
    case "lora":
      return of({ kind: "lora", firstLayer }, [prompted, 2, 2, tokens, H], (random, size) =>
        startLora(random, size, tokens, H),
      );
  }
}

/** Where the upper graphs of a method begin. */
export function openedSite(
  { firstLayer }: Pick<VisionSettings, "firstLayer">,
  site: PromptSite<TunedVisionSite> | undefined,
): VisionSite {
  return site?.site ?? { kind: "none", firstLayer };
}
