import { createHash } from "node:crypto";
import type { BackboneManifest } from "@kilotune/backbone";
import type { PromptId, TenantId } from "@kilotune/contract";
import { encodePrompt } from "@kilotune/prompt";
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
import { randomPrompt } from "../../packages/serving/src/testing.ts";

export interface Planted {
  readonly tenant: TenantId;
  readonly key: string;
  readonly model: string;
  readonly promptId: PromptId;
}

/** A tenant with a model whose prompt is of random numbers, as its job would have left it. */
export async function plant(world: Service, manifest: BackboneManifest, seed: number): Promise<Planted> {
  const idle = async () => {};
  const service: Service = { ...world, workflow: { start: idle, stop: idle } };
  const { id: tenant } = await createTenant(service, { name: `Tenant ${seed}`, plan: "business" });
  const { secret: key } = await createKey(service, tenant);
  const rows = ["a", "a", "b", "b"].map((label, at) => JSON.stringify({ text: `${label} ${at}`, label }));
  const file = await createFile(
    service,
    tenant,
    { filename: "rows.jsonl", purpose: "fine-tune" },
    chunks(rows),
  );
  const request = { model: manifest.id, trainingFile: file.id, method: { type: "kv" } } as const;
  const { id } = await createJob(service, tenant, request);
  await queueJob(service, tenant, id);
  await beginJob(service, tenant, id);
  const { prompt } = randomPrompt(manifest, seed, { method: "kv", tokens: 64 });
  const bytes = encodePrompt(prompt, { storage: "float32" });
  const promptId = createHash("sha256").update(bytes).digest("hex") as PromptId;
  const job = await finishJob(service, tenant, id, {
    status: "succeeded",
    promptId,
    bytes,
    trainedTokens: 1,
  });
  return { tenant, key, model: job.tunedModel as string, promptId };
}

async function* chunks(rows: readonly string[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(rows.join("\n"));
}
