import type { TenantId } from "@kilotune/contract";
import { openLocalStore } from "@kilotune/store/local";

export async function finishJob(folder: string, tenant: TenantId, id: string) {
  await using store = await openLocalStore(folder);
  const job = await store.records.read(tenant, { kind: "job", id });
  if (job === undefined) return undefined;
  const { sha256 } = await store.blobs.put(tenant, `jobs/${id}/log.txt`, new TextEncoder().encode("done"));
  await store.records.write(tenant, [
    { put: job.key, value: { ...job.value, status: "succeeded" }, expect: { revision: job.revision } },
    { put: { kind: "event", id: `${id}/1` }, value: { message: "done", sha256 }, expect: "absent" },
  ]); // Both or neither; StaleWriteError where somebody else changed the job.
  return store.records.add(
    tenant,
    { kind: "usage", id: "2026-11-25" },
    { jobs: 1 },
    { atMost: { jobs: 10 } },
  );
}
