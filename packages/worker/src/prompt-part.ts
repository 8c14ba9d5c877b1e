import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { type Feeds, float32 } from "@kilotune/engine";
import type {
  BiasDifferences,
  Border,
  ChannelModulation,
  KvPrefix,
  LoraFactors,
  Prompt,
  SoftTokens,
} from "@kilotune/prompt";
import { deepPrefix, type TuneSettings, type VisionSettings } from "@kilotune/tuner";

/** What was learnt at a site, as a prompt's file holds it. */
export type PromptPart =
  | {
      readonly method: "kv";
      readonly sites: { readonly firstLayer: number; readonly layers: number; readonly tokens: number };
      readonly kv: KvPrefix;
    }
  | { readonly method: "soft"; readonly sites: { readonly tokens: number }; readonly soft: SoftTokens }
  | {
      readonly method: "lora";
      readonly sites: { readonly firstLayer: number; readonly layers: number; readonly rank: number };
      readonly lora: LoraFactors;
    }
  | {
      readonly method: "bias";
      readonly sites: { readonly firstLayer: number; readonly layers: number; readonly width: number };
      readonly bias: BiasDifferences;
    }
  | {
      readonly method: "channels";
      readonly sites: { readonly channels: number };
      readonly channels: ChannelModulation;
    }
  | { readonly method: "border"; readonly sites: { readonly width: number }; readonly border: Border };

interface PromptShape {
  readonly method: PromptPart["method"];
  readonly tokens: number;
  readonly firstLayer: number;
}

/** Of a backbone of texts or of images. */
export interface BackboneSizes {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly hiddenSize: number;
}

function promptPart(
  { method, tokens, firstLayer }: PromptShape,
  data: Float32Array,
  { layers: all, heads, headDim, hiddenSize: hidden }: BackboneSizes,
): PromptPart {
  const layers = all - firstLayer;
  if (method === "channels") {
    const channels = data.length / 2;
    return { method, sites: { channels }, channels: { data, channels } };
  }
  if (method === "border") return { method, sites: { width: tokens }, border: { data, width: tokens } };
  if (method === "soft") return { method, sites: { tokens }, soft: { data, tokens, hidden } };
  if (method === "lora")
    return {
      method,
      sites: { firstLayer, layers, rank: tokens },
      lora: { data, layers, rank: tokens, hidden },
    };
  if (method === "bias") {
    const width = (data.length - hidden) / layers - 3 * hidden;
    return { method, sites: { firstLayer, layers, width }, bias: { data, layers, width, hidden } };
  }
  return {
    method: "kv",
    sites: { firstLayer, layers, tokens },
    kv: { data, layers, tokens, heads, headDim },
  };
}

/** What a run learnt, as its file holds it: deep prompts become the keys and values that they are. */
export async function learntPart(
  backbone: Backbone | VisionBackbone,
  { method, tokens, firstLayer }: Pick<TuneSettings | VisionSettings, "method" | "tokens" | "firstLayer">,
  prompt: Float32Array,
): Promise<PromptPart> {
  const { config } = backbone.manifest;
  if (method === "head") throw new Error("a head alone has no prompt");
  if (method !== "deep") return promptPart({ method, tokens, firstLayer }, prompt, config);
  const { data } = await deepPrefix(backbone, firstLayer, prompt);
  return promptPart({ method: "kv", tokens, firstLayer }, data as Float32Array, config);
}

/** A prompt: what was learnt at a site, nothing of a head alone, with the rest of its manifest and its head. */
export function withPart(part: PromptPart | undefined, shared: object, head: unknown) {
  if (part === undefined) return { method: "head", manifest: { method: "head", ...shared }, head };
  const { sites, ...numbers } = part;
  return { ...numbers, manifest: { method: part.method, sites, ...shared }, head };
}

/** Where a prompt joins a transformer, of texts or of images. */
export type PublishedSite =
  | { readonly kind: "none" | "kv" | "lora"; readonly firstLayer: number }
  | { readonly kind: "biases"; readonly firstLayer: number }
  | { readonly kind: "soft" };

/** The same of images, whose backbone may be a graph without attention. */
export function siteOfImages(
  prompt: Prompt,
  headLayer: number,
): {
  site:
    | Exclude<PublishedSite, { kind: "biases" }>
    | { readonly kind: "channels" }
    | { readonly kind: "border"; readonly width: number };
  feeds: Feeds;
} {
  if (prompt.method === "border") {
    const { data, width } = prompt.border;
    return { site: { kind: "border", width }, feeds: { border: float32(data, [3, data.length / 3]) } };
  }
  if (prompt.method !== "channels") {
    const { site, feeds } = siteOfPrompt(prompt, headLayer);
    if (site.kind === "biases") throw new Error("no prompt of images is of biases");
    return { site, feeds };
  }
  const { data, channels } = prompt.channels;
  return { site: { kind: "channels" }, feeds: { channels: float32(data, [2, channels]) } };
}

/** Back from the file: the site and its feeds. @param headLayer where a head alone begins */
export function siteOfPrompt(prompt: Prompt, headLayer: number): { site: PublishedSite; feeds: Feeds } {
  switch (prompt.method) {
    case "head":
      return { site: { kind: "none", firstLayer: headLayer }, feeds: {} };
    case "soft": {
      const { data, tokens, hidden } = prompt.soft;
      return { site: { kind: "soft" }, feeds: { soft: float32(data, [tokens, hidden]) } };
    }
    case "kv": {
      const { data, layers, heads, tokens, headDim } = prompt.kv;
      const { firstLayer } = prompt.manifest.sites;
      return {
        site: { kind: "kv", firstLayer },
        feeds: { kv: float32(data, [layers, 2, heads, tokens, headDim]) },
      };
    }
    case "bias": {
      const { data } = prompt.bias;
      const { firstLayer } = prompt.manifest.sites;
      return { site: { kind: "biases", firstLayer }, feeds: { biases: float32(data, [data.length]) } };
    }
    case "channels":
    case "border":
      throw new Error("a transformer has no channels: see siteOfImages");
    case "lora": {
      const { data, layers, rank, hidden } = prompt.lora;
      const { firstLayer } = prompt.manifest.sites;
      return {
        site: { kind: "lora", firstLayer },
        feeds: { lora: float32(data, [layers, 2, 2, rank, hidden]) },
      };
    }
  }
}
