import type { TaskName } from "./task.ts";

/**
 * Ways to tune. `deep` (VPT-deep) is of images alone, and published as the `kv` that it is; `channels` is of convolutional
 * graphs; `border`, numbers along an image's edges, of any graph of images.
 */
export const METHODS = ["kv", "soft", "deep", "lora", "channels", "border", "head"] as const;

export type MethodName = (typeof METHODS)[number];

/** A transformer of texts or of images; a graph of images without attention, with stages of channels or without. */
export type BackboneKind = "text" | "image" | "graph" | "bareGraph";

/** What a backbone can be tuned by, the default first. */
export const METHODS_OF: Readonly<Record<BackboneKind, readonly MethodName[]>> = {
  text: ["kv", "soft", "lora", "head"],
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
