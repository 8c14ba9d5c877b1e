import { parseId, PLATFORM, type TenantId } from "@kilotune/contract";
import { hasBatchEnded } from "./batch.ts";
import { readJob } from "./change-job.ts";
import { sweepClaims } from "./claims.ts";
import type { Service } from "./context.ts";
import { eraseLeft, eraseTenant } from "./erase.ts";
import { hasExpired, removeFile } from "./files.ts";
import { untilFresh } from "./fresh.ts";
import { hasEnded } from "./job.ts";
import { BATCHES, CHECKPOINTS, CLAIMS, FILES, JOBS, OUTBOX, TENANTS } from "./kinds.ts";
import { removeCheckpoint } from "./models.ts";
import { eachPending, settlePending } from "./pending.ts";
import { KEPT_DAYS } from "./periods.ts";
import { readQuota } from "./quota.ts";
import type { Table } from "./table.ts";
import { DAY_SECONDS, nowSeconds } from "./time.ts";

export interface Swept {
  readonly files: number;
  readonly checkpoints: number;
  /** What interrupted uploads and deletions left. */
  readonly claims: number;
  readonly tenants: number;
}

/**
 * Removes what has had its time: expired files, checkpoints of jobs long ended, what interrupted uploads and deletions
 * left, tenants whose erasure was interrupted. At start-up and then every hour. Records with an end of their own
 * (events, usage, audit, receipts) are the store's to remove.
 */
export async function sweep(service: Service): Promise<Swept> {
  const swept = { files: 0, checkpoints: 0, claims: 0, tenants: 0 };
  await eachPending(service, "jobs", (tenant) =>
    settlePending(service, tenant, "jobs", async () => ((await hasNoJobs(service, tenant)) ? null : 0)),
  );
  await eachPending(service, "sweep", async (tenant) => {
    const owner = await TENANTS.read(service, PLATFORM, tenant);
    if (owner?.value.status === "erasing") {
      await eraseTenant(service, tenant);
      swept.tenants++;
      return;
    }
    if (owner === undefined) {
      await eraseLeft(service, tenant);
      // Whoever erased it may have been stopped before that.
      await service.records.scrub();
      await settlePending(service, tenant, "sweep", async () => null);
      return;
    }
    swept.claims += await sweepClaims(service, tenant);
    swept.files += await sweepFiles(service, tenant);
    await sweepPieces(service, tenant);
    swept.checkpoints += await sweepCheckpoints(service, tenant);
    await settlePending(service, tenant, "sweep", () => nextSweep(service, tenant));
  });
  return swept;
}

async function sweepFiles(service: Service, tenant: TenantId): Promise<number> {
  let removed = 0;
  for await (const { id, value } of FILES.all(service, tenant)) {
    if (!hasExpired(service, value)) continue;
    await untilFresh(async () => {
      const row = await FILES.read(service, tenant, id);
      if (row === undefined || !hasExpired(service, row.value)) return;
      await removeFile(service, tenant, row);
      removed++;
    });
  }
  return removed;
}

async function sweepCheckpoints(service: Service, tenant: TenantId): Promise<number> {
  let removed = 0;
  const end = nowSeconds(service) - KEPT_DAYS.checkpoints * DAY_SECONDS;
  for await (const { value } of CHECKPOINTS.all(service, tenant)) {
    if (value.createdAt > end) break;
    const { status, finishedAt } = (await readJob(service, tenant, value.job)).value;
    if (!hasEnded(status) || finishedAt === null || finishedAt > end) continue;
    if (await removeCheckpoint(service, tenant, value.model)) removed++;
  }
  return removed;
}

/** Of jobs and batches that ended in a process that died before it had tidied up. */
async function sweepPieces(service: Service, tenant: TenantId): Promise<void> {
  for (const [folder, isAtWork] of [
    ["jobs/", isJobAtWork],
    ["batches/", isBatchAtWork],
  ] as const)
    for await (const { path } of service.blobs.list(tenant, folder)) {
      const id = path.split("/")[1] ?? "";
      if (!(await isAtWork(service, tenant, id))) await service.blobs.remove(tenant, path);
    }
}

async function isJobAtWork(service: Service, tenant: TenantId, text: string): Promise<boolean> {
  const id = parseId("job", text);
  const row = id && (await JOBS.read(service, tenant, id));
  return row !== undefined && !hasEnded(row.value.status);
}

async function isBatchAtWork(service: Service, tenant: TenantId, text: string): Promise<boolean> {
  const id = parseId("batch", text);
  const row = id && (await BATCHES.read(service, tenant, id));
  return row !== undefined && !hasBatchEnded(row.value.status);
}

async function hasNoJobs(service: Service, tenant: TenantId): Promise<boolean> {
  const { quota } = await readQuota(service, tenant);
  return quota.jobs.length + quota.batches.length === 0 && (await isEmpty(service, tenant, OUTBOX));
}

/** When something of the tenant's has had its time; as `settlePending` wants it. */
async function nextSweep(service: Service, tenant: TenantId): Promise<number | null> {
  const { quota } = await readQuota(service, tenant);
  if (quota.jobs.length + quota.batches.length > 0) return 0;
  let dueMs = Infinity;
  for await (const { value } of FILES.all(service, tenant))
    if (value.expiresAt !== null) dueMs = Math.min(dueMs, 1000 * value.expiresAt);
  for await (const { value } of CLAIMS.all(service, tenant)) dueMs = Math.min(dueMs, value.sweepAfterMs);
  // The oldest comes first; it goes so long after its job's end, which may be later.
  const [checkpoint] = (await CHECKPOINTS.list(service, tenant, { limit: 1 })).rows;
  if (checkpoint !== undefined)
    dueMs = Math.min(dueMs, 1000 * (checkpoint.value.createdAt + KEPT_DAYS.checkpoints * DAY_SECONDS));
  return dueMs === Infinity ? null : dueMs;
}

async function isEmpty(service: Service, tenant: TenantId, table: Table<object>): Promise<boolean> {
  return (await table.list(service, tenant, { limit: 1 })).rows.length === 0;
}
