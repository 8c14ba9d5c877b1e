import { writeFile } from "node:fs/promises";
import path from "node:path";
import { createHash } from "node:crypto";
import type { JobId, PromptId } from "@kilotune/contract";
import { addCheckpoint, beginJob, queueJob } from "@kilotune/service";
import { openTestApi, ROWS, tune } from "../../packages/api/src/testing.ts";
import * as kinds from "../../packages/service/src/kinds.ts";

/**
 * Writes old-records.json: one tenant's records of every kind as this version keeps them. Run it when a kind is new, and add
 * to what is there rather than write it anew: old records are what the test is about.
 *
 *     node test/setup/make-old-records.ts
 */
const api = await openTestApi();
const tenant = await api.newTenant();
const call = async (method: string, route: string, body?: unknown, headers = {}) => {
  const answer = await tenant.call(method, route, body, headers);
  if (answer.status !== 200) throw new Error(`${method} ${route}: ${answer.status} ${answer.text}`);
  return answer.body;
};
const { tunedModel } = await tune(api, tenant);
const file = (await tenant.upload(ROWS)).body.id;
const { id: job } = await call("POST", "/v1/fine_tuning/jobs", { model: "minilm-l6", training_file: file });
await queueJob(api.service, tenant.id, job as JobId);
await beginJob(api.service, tenant.id, job as JobId);
const bytes = Buffer.from("half way");
const promptId = createHash("sha256").update(bytes).digest("hex") as PromptId;
await addCheckpoint(api.service, tenant.id, job as JobId, {
  step: 1,
  metrics: { train_loss: 0.5 },
  promptId,
  bytes,
});
await tenant.importPrompt("a prompt", { suffix: "desk" });
await call("PUT", "/v1/aliases/support", { model: tunedModel }, { "if-none-match": "*" });
await call("PUT", "/v1/webhook", { url: "https://hooks.example.com/x" });
await call("POST", "/v1/keys", { name: "web", scopes: ["infer"] });
await call("POST", "/v1/embeddings", { model: "minilm-l6", input: "x" });
const asked = { bytes: 100, filename: "x.jsonl", mime_type: "text/plain", purpose: "fine-tune" };
await call("POST", "/v1/uploads", asked, { "idempotency-key": "a" });
const line = {
  custom_id: "1",
  method: "POST",
  url: "/v1/embeddings",
  body: { model: "minilm-l6", input: "x" },
};
const input = await tenant.upload(JSON.stringify(line), "batch.jsonl", "batch");
const request = { input_file_id: input.body.id, endpoint: "/v1/embeddings", completion_window: "24h" };
await api.runBatch(tenant, (await call("POST", "/v1/batches", request)).id);

const records: Record<string, object[]> = {};
for (const table of Object.values(kinds)) {
  if (typeof table === "function" || table.kind === "pending") continue;
  const owner = table.kind === "tenant" ? ("tn-platform" as typeof tenant.id) : tenant.id;
  const found = (await api.service.records.list(owner, table.kind)).records;
  records[table.kind] = found.map(({ key, value }) => ({ id: key.id, value }));
}
// Nobody's secrets.
const bare = (name: string, value: unknown) =>
  name === "sha256" ? "0".repeat(64) : name === "secret" ? "whsec_AAAA" : value;
const text = JSON.stringify({ tenant: tenant.id, records }, bare, 1);
await writeFile(path.join(import.meta.dirname, "old-records.json"), `${text}\n`);
await api[Symbol.asyncDispose]();
