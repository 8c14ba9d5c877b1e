import { createHash } from "node:crypto";
import type { Backbone } from "@kilotune/backbone";
import type { PromptId, TenantId } from "@kilotune/contract";
import {
  beginJob,
  createFile,
  createJob,
  createKey,
  createTenant,
  finishJob,
  queueJob,
  type Service,
} from "@kilotune/service";
import { openLocalStore } from "@kilotune/store/local";
import { randomPromptBytes } from "./random-prompts.ts";

/** A tenant with a key that may do everything, and one tuned model. */
export interface PlantedTenant {
  readonly id: TenantId;
  readonly key: string;
  readonly model: string;
  /** Of the model's prompt. */
  readonly bytes: Uint8Array;
}

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
    planted.push(await plant(service, id, `Tenant ${planted.length}`, bytes));
  return planted;
}

async function plant(
  service: Service,
  model: string,
  name: string,
  bytes: Uint8Array,
): Promise<PlantedTenant> {
  const { id } = await createTenant(service, { name, plan: "business" });
  const { secret } = await createKey(service, id);
  const request = { filename: "train.jsonl", purpose: "fine-tune" };
  const file = await createFile(service, id, request, rows());
  const job = await createJob(service, id, { model, trainingFile: file.id, method: { type: "kv" } });
  await queueJob(service, id, job.id);
  await beginJob(service, id, job.id);
  const promptId = createHash("sha256").update(bytes).digest("hex") as PromptId;
  const ended = await finishJob(service, id, job.id, {
    status: "succeeded",
    promptId,
    bytes,
    trainedTokens: 1,
  });
  return { id, key: secret, model: ended.tunedModel as string, bytes };
}

async function* rows(): AsyncGenerator<Uint8Array> {
  const labels = ["a", "b"];
  const lines = labels.flatMap((label) =>
    [1, 2].map((at) => JSON.stringify({ text: `${label} ${at}`, label })),
  );
  yield new TextEncoder().encode(lines.join("\n"));
}
