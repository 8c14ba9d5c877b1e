import type { BackboneManifest } from "@kilotune/backbone";
import { encodePrompt } from "@kilotune/prompt";
import type { Service } from "@kilotune/service";
import { randomPrompt } from "../../packages/serving/src/text/testing.ts";
import { type PlantedTenant, plantTenant } from "../plant-tenant.ts";

/** A tenant with a model whose prompt is of random numbers, as its job would have left it. */
export function plant(service: Service, manifest: BackboneManifest, seed: number): Promise<PlantedTenant> {
  const { prompt } = randomPrompt(manifest, seed, { method: "kv", tokens: 64 });
  const bytes = encodePrompt(prompt, { storage: "float32" });
  return plantTenant(service, { name: `Tenant ${seed}`, backbone: manifest.id, bytes });
}
