import { HOURS } from "./assumptions.ts";
import { PRICES } from "./prices.ts";

/** A real-time endpoint of its own for each tenant's model, on the cheapest machine that there is for one; dollars a month. */
export function endpointEach(tenants: number): number {
  return tenants * HOURS * PRICES.modelEndpointHour.dollars;
}

/**
 * Adapters on shared GPUs: Fireworks takes at most 100 on a deployment ("Deploy up to 100 LoRA models as addons on a single
 * base model deployment", docs.fireworks.ai, are-there-extra-fees-for-serving-fine-tuned-models), which is at least one GPU
 * all day. Its own price isn't in the table: EC2's for one is a floor.
 */
export function adaptersOnGpus(tenants: number): number {
  return Math.ceil(tenants / ADAPTERS_EACH) * HOURS * PRICES.adapterGpuHour.dollars;
}

export const ADAPTERS_EACH = 100;
