import type { VisionBackbone } from "@kilotune/backbone";
import { float32, type Tensor } from "@kilotune/engine";
import { promptFeed } from "../prompt-site.ts";
import type { VisionMethod, VisionSettings } from "./settings.ts";
import { visionSite } from "./vision-site.ts";

/** A prompt as a file holds it and as the serving graph reads it. */
export interface ServedPrompt {
  readonly method: Exclude<VisionMethod, "deep">;
  /** Of no numbers where a head learnt alone. */
  readonly tensor: Tensor;
}

/** What was learnt -> what is served: deep prompts become the keys and values that they are to every image, once. */
export async function servedPrompt(
  backbone: VisionBackbone,
  settings: Pick<VisionSettings, "method" | "tokens" | "firstLayer">,
  prompt: Float32Array,
): Promise<ServedPrompt> {
  const { method, firstLayer } = settings;
  const site = visionSite(settings, backbone.manifest);
  if (method !== "deep") return { method, tensor: float32(prompt, site?.dims ?? [0]) };
  const prefix = await backbone.open({ kind: "prefix", firstLayer });
  try {
    const { kv } = await prefix.run(promptFeed(site, prompt));
    return { method: "kv", tensor: kv as Tensor };
  } finally {
    await prefix.release();
  }
}
