import type { Backbone } from "@kilotune/backbone";
import type { Service } from "@kilotune/service";
import { openLocalStore } from "@kilotune/store/local";
import { type PlantedTenant, plantTenant } from "../../test/plant-tenant.ts";
import { randomPromptBytes } from "./random-prompts.ts";

export type { PlantedTenant };

/**
 * Tenants with a model each (8 tokens, the upper half of the layers, as the tuner chooses; 12 labels), in a folder that
 * no server has open. Each goes the way of a job, without the hour of tuning: its numbers are random, since what they
 * answer doesn't matter here.
 */
export async function plantTenants(
  data: string,
  backbone: Backbone,
  count: number,
): Promise<PlantedTenant[]> {
  await using store = await openLocalStore(data);
  const { id, config } = backbone.manifest;
  const idle = async () => {};
  const service: Service = {
    records: store.records,
    blobs: store.blobs,
    clock: { now: () => new Date() },
    backbones: new Map([[id, { id, createdAt: 0, layers: config.layers }]]),
    workflow: { start: idle, stop: idle },
  };
  const planted: PlantedTenant[] = [];
  for (const bytes of randomPromptBytes(backbone, count, { tokens: 8 }))
    planted.push(await plantTenant(service, { name: `Tenant ${planted.length}`, backbone: id, bytes }));
  return planted;
}
