import {
  authenticate,
  createFile,
  createJob,
  createKey,
  createTenant,
  type Service,
} from "@kilotune/service";

export async function firstJob(service: Service, rows: AsyncIterable<Uint8Array>) {
  const { id } = await createTenant(service, { name: "Acme", plan: "team" });
  const { secret } = await createKey(service, id, { scopes: ["tune", "read"] }); // shown this once
  const { tenant, key } = await authenticate(service, secret);
  const asked = { ...service, by: key.id }; // whom the audit log names
  const file = await createFile(asked, tenant, { filename: "desk.csv", purpose: "fine-tune" }, rows);
  const request = { model: "minilm-l6", trainingFile: file.id, method: { type: "kv" } } as const;
  const job = await createJob(asked, tenant, request);
  return createJob(asked, tenant, request).then((again) => [job.id, again.id]); // one job
}
