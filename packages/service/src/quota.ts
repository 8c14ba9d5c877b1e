import { PLATFORM, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import type { Service } from "./context.ts";
import { exceededQuota, notFound } from "./errors.ts";
import { QUOTA, type Quota, TENANTS } from "./kinds.ts";
import { type Limits, limitsOf } from "./plans.ts";

/** What a tenant uses now, and the change that makes it something else: it belongs into the write of what is made. */
export async function readQuota(
  service: Service,
  tenant: TenantId,
): Promise<{ readonly quota: Quota; becomes(next: Quota): RecordChange }> {
  const row = await QUOTA.read(service, tenant, NOW);
  const month = service.clock.now().toISOString().slice(0, 7);
  const none = { jobs: [], batches: [], storedBytes: 0, prompts: 0, month, tuningMs: 0 };
  const quota = { ...none, ...row?.value };
  return {
    quota: quota.month === month ? quota : { ...quota, month, tuningMs: 0 },
    becomes: (next) => QUOTA.put(NOW, next, row ?? "absent"),
  };
}

/** @throws KilotuneError `not_found`: the tenant is gone or going */
export async function readLimits(service: Service, tenant: TenantId): Promise<Limits> {
  const row = await TENANTS.read(service, PLATFORM, tenant);
  if (row === undefined || row.value.status === "erasing") throw notFound("tenant");
  return limitsOf(row.value);
}

/** @throws KilotuneError `exceeded_quota` */
export function refuseOver(limits: Limits, next: Quota): void {
  if (next.jobs.length > limits.jobsAtOnce)
    throw exceededQuota("jobs at once", String(limits.jobsAtOnce), "Wait for a job to end, or cancel one.");
  if (next.prompts > limits.prompts)
    throw exceededQuota(
      "tuned models, and jobs on their way to one",
      String(limits.prompts),
      "Delete a model.",
    );
  if (next.batches.length > BATCHES_AT_ONCE)
    throw exceededQuota("batches at once", String(BATCHES_AT_ONCE), "Wait for one to end, or cancel one.");
  if (next.storedBytes > limits.storedBytes) throw outOfStorage(limits);
}

export function outOfStorage({ storedBytes }: Limits): Error {
  const hint = "Delete files or models.";
  return exceededQuota("stored bytes", storedBytes.toLocaleString("en"), hint);
}

/** A running job isn't stopped by it. @throws KilotuneError `exceeded_quota` */
export function refuseWithoutHours(limits: Limits, { tuningMs }: Quota): void {
  if (tuningMs >= limits.tuningHoursPerMonth * 3_600_000)
    throw exceededQuota(
      "tuning hours a month",
      String(limits.tuningHoursPerMonth),
      "Wait for the next month.",
    );
}

const NOW = "now";

/** Of every plan: they take turns, so more of them are no faster. */
const BATCHES_AT_ONCE = 100;
