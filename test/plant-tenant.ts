import { createHash } from "node:crypto";
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

/** A tenant with a key that may do everything, and one tuned model. */
export interface PlantedTenant {
  readonly id: TenantId;
  readonly key: string;
  readonly model: string;
  readonly promptId: PromptId;
  /** Of the model's prompt. */
  readonly bytes: Uint8Array;
}

/** A tenant whose model goes the way of a job, without the tuning: `bytes` is the prompt's file. */
export async function plantTenant(
  world: Service,
  { name, backbone, bytes }: { readonly name: string; readonly backbone: string; readonly bytes: Uint8Array },
): Promise<PlantedTenant> {
  const idle = async () => {};
  const service: Service = { ...world, workflow: { start: idle, stop: idle } };
  const { id } = await createTenant(service, { name, plan: "business" });
  const { secret: key } = await createKey(service, id);
  const file = await createFile(service, id, { filename: "rows.jsonl", purpose: "fine-tune" }, rows());
  const request = { model: backbone, trainingFile: file.id, method: { type: "kv" } } as const;
  const job = await createJob(service, id, request);
  await queueJob(service, id, job.id);
  await beginJob(service, id, job.id);
  const promptId = createHash("sha256").update(bytes).digest("hex") as PromptId;
  const ended = await finishJob(service, id, job.id, {
    status: "succeeded",
    promptId,
    bytes,
    trainedTokens: 1,
  });
  return { id, key, model: ended.tunedModel as string, promptId, bytes };
}

async function* rows(): AsyncGenerator<Uint8Array> {
  const lines = ["a", "a", "b", "b"].map((label, at) => JSON.stringify({ text: `${label} ${at}`, label }));
  yield new TextEncoder().encode(lines.join("\n"));
}
