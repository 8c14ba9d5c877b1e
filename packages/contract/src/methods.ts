import type { TaskName } from "./task.ts";

/**
 * Ways to tune. `deep`, tokens replaced at each layer (VPT-deep), is published as the `kv` that it is; `channels` is of
 * convolutional graphs; `bias` (BitFit) of texts; `border`, numbers along an image's edges, of any graph of images.
 */
export const METHODS = ["kv", "soft", "deep", "lora", "bias", "channels", "border", "head"] as const;

export type MethodName = (typeof METHODS)[number];

/** What methods are called, wherever people read them. */
export const METHOD_TITLES: Readonly<Record<MethodName, string>> = {
  kv: "key/value prefixes",
  soft: "soft tokens",
  deep: "deep tokens",
  lora: "LoRA",
  bias: "biases",
  channels: "scale and shift of channels",
  border: "border of the image",
  head: "linear head",
};

/** What of a method its user may choose. */
export interface MethodShape {
  /** What its size is called, where it has one: virtual tokens, a rank, a width in pixels. */
  readonly size?: "tokens" | "rank" | "width";
  /** Whether it begins at a layer, or at a stage of channels. */
  readonly firstLayer?: true;
  /** Of texts: its numbers stand for tokens, so that they may start as words, and be learnt through something else. */
  readonly standsForTokens?: true;
}

export const METHOD_SHAPES: Readonly<Record<MethodName, MethodShape>> = {
  kv: { size: "tokens", firstLayer: true, standsForTokens: true },
  soft: { size: "tokens", standsForTokens: true },
  deep: { size: "tokens", firstLayer: true, standsForTokens: true },
  lora: { size: "rank", firstLayer: true },
  bias: { firstLayer: true },
  channels: { firstLayer: true },
  border: { size: "width" },
  head: {},
};

/** A transformer of texts or of images; a graph of images without attention, with stages of channels or without. */
export type BackboneKind = "text" | "image" | "graph" | "bareGraph";

/** What a backbone can be tuned by, the default first. */
export const METHODS_OF: Readonly<Record<BackboneKind, readonly MethodName[]>> = {
  text: ["kv", "soft", "deep", "lora", "bias", "head"],
  image: ["lora", "kv", "deep", "soft", "head"],
  graph: ["channels", "border", "head"],
  bareGraph: ["border", "head"],
};

/** Those of a backbone's methods that a task knows, the default first. */
export function methodsFor(task: TaskName, methods: readonly MethodName[]): readonly MethodName[] {
  if (task !== "retrieval") return methods;
  // The frozen backbone's own vectors find: a head has nothing to add. LoRA moves them furthest (bench retrieval).
  const own = methods.filter((method) => method !== "head" && method !== "lora");
  return methods.includes("lora") ? ["lora", ...own] : own;
}
