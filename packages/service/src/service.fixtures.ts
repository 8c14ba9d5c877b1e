import { createHash } from "node:crypto";
import type { JobId, PromptId, TenantId } from "@kilotune/contract";
import { createFile } from "./create-file.ts";
import { createJob } from "./create-job.ts";
import type { File } from "./files.ts";
import type { Job } from "./job.ts";
import type { JobRequest } from "./job-request.ts";
import { beginJob, finishJob, queueJob } from "./run-job.ts";
import { createTenant } from "./tenants.ts";
import { type TestService, testService } from "./testing.ts";

/** A service with one tenant, on the plan `team`. */
export async function world(): Promise<{ service: TestService; tenant: TenantId }> {
  const service = testService();
  const { id } = await createTenant(service, { name: "Acme", plan: "team" });
  return { service, tenant: id };
}

export const ROWS = '{"text":"where is my card","label":"card"}\n{"text":"my rent is late","label":"rent"}\n';

export function upload(
  service: TestService,
  tenant: TenantId,
  text = ROWS,
  filename = "train.jsonl",
): Promise<File> {
  return createFile(service, tenant, { filename, purpose: "fine-tune" }, bytesOf(text));
}

/** In pieces of 7 bytes, as a network might. */
export async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
}

export async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

export async function startedJob(
  service: TestService,
  tenant: TenantId,
  request: Partial<JobRequest> = {},
): Promise<Job> {
  const trainingFile = request.trainingFile ?? (await upload(service, tenant)).id;
  const { id } = await createJob(service, tenant, {
    model: "minilm-l6",
    method: { type: "kv" },
    ...request,
    trainingFile,
  });
  await queueJob(service, tenant, id);
  return beginJob(service, tenant, id);
}

/** A success whose prompt holds this text. */
export function success(text: string) {
  const bytes = new TextEncoder().encode(text);
  const promptId = createHash("sha256").update(bytes).digest("hex") as PromptId;
  return { status: "succeeded", promptId, bytes, trainedTokens: 12 } as const;
}

export const FAILURE = { status: "failed", error: { code: "boom", message: "boom", param: null } } as const;

/** A tuned model's name. */
export async function tuned(service: TestService, tenant: TenantId, text: string): Promise<string> {
  const { id } = await startedJob(service, tenant, { suffix: text });
  const { tunedModel } = await finishJob(service, tenant, id as JobId, success(text));
  if (tunedModel === null) throw new Error("the job hasn't succeeded");
  return tunedModel;
}
