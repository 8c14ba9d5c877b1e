import type { TaskName } from "./task.ts";

/**
 * Ways to tune. `deep` (VPT-deep) is of images alone, and published as the `kv` that it is; `channels` is of convolutional
 * graphs.
 */
export const METHODS = ["kv", "soft", "deep", "lora", "channels", "head"] as const;

export type MethodName = (typeof METHODS)[number];

/** A transformer of texts or of images, or a graph of images without attention. */
export type BackboneKind = "text" | "image" | "graph";

/** What a backbone can be tuned by, the default first. */
export const METHODS_OF: Readonly<Record<BackboneKind, readonly MethodName[]>> = {
  text: ["kv", "soft", "lora", "head"],
  image: ["lora", "kv", "deep", "soft", "head"],
  graph: ["channels", "head"],
};

/** Those of a backbone's methods that a task knows, the default first. */
export function methodsFor(task: TaskName, methods: readonly MethodName[]): readonly MethodName[] {
  if (task !== "retrieval") return methods;
  // The frozen backbone's own vectors find: a head has nothing to add. LoRA moves them furthest (bench retrieval).
  const own = methods.filter((method) => method !== "head" && method !== "lora");
  return methods.includes("lora") ? ["lora", ...own] : own;
}
