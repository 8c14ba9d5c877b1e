import { PLATFORM, parseTenantId, type TenantId } from "@kilotune/contract";
import { audited } from "./audit.ts";
import type { Service } from "./context.ts";
import { notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { PENDING, TENANTS } from "./kinds.ts";
import { notePending } from "./pending.ts";
import { readQuota } from "./quota.ts";

export interface Erased {
  readonly records: number;
  readonly blobs: number;
}

/**
 * Stops the tenant's jobs and batches and removes all its records and blobs; the platform's audit log keeps id and counts. From the
 * first moment its keys are refused. Interrupted, it goes on when called again, or with the next `sweep`.
 *
 * @param quiet settles once nothing of the tenant is under way here any more: calls that came before its keys were refused
 * @throws KilotuneError `not_found`
 */
export async function eraseTenant(
  service: Service,
  id: string,
  quiet: () => Promise<void> = async () => {},
): Promise<Erased> {
  const tenant = parseTenantId(id);
  if (tenant === undefined) throw notFound("tenant");
  await beginErasing(service, tenant);
  // First, since it may begin one more job.
  await quiet();
  const { quota } = await readQuota(service, tenant);
  const working = [...quota.jobs, ...quota.batches];
  for (const id of working) await service.workflow.stop(tenant, id);
  await Promise.all(working.map((id) => service.workflow.ended?.(tenant, id)));
  const erased = { records: 0, blobs: 0 };
  // Again until nothing comes: what other machines had under way may have written once more.
  for (let more = true; more; ) {
    const { records, blobs } = await eraseLeft(service, tenant);
    erased.records += records;
    erased.blobs += blobs;
    more = records + blobs > 0;
  }
  await untilFresh(() =>
    service.records.write(PLATFORM, [
      TENANTS.remove(tenant, "any"),
      PENDING.remove(`jobs/${tenant}`, "any"),
      audited(service, "tenant.erased", tenant, { ...erased }),
    ]),
  );
  // Once more: whoever began before the tenant was gone may have written since.
  await eraseLeft(service, tenant);
  // The tenant's name, too, which the write before removed.
  await service.records.scrub();
  return erased;
}

/** Of a tenant whose erasure has begun. Its note stays for an hour: the sweep calls this again, for what came late. */
export async function eraseLeft({ records, blobs }: Service, tenant: TenantId): Promise<Erased> {
  return { records: await records.eraseTenant(tenant), blobs: await blobs.eraseTenant(tenant) };
}

async function beginErasing(service: Service, tenant: TenantId): Promise<void> {
  // So that a sweep finds it, should this be interrupted.
  await notePending(service, tenant, "sweep");
  await untilFresh(async () => {
    const row = await TENANTS.read(service, PLATFORM, tenant);
    if (row === undefined) throw notFound("tenant");
    if (row.value.status === "erasing") return;
    await service.records.write(PLATFORM, [
      TENANTS.put(tenant, { ...row.value, status: "erasing" }, row),
      audited(service, "tenant.erasing", tenant),
    ]);
  });
}
