import type { BatchId, JobId, TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import type { Service } from "./context.ts";
import { OUTBOX, WEBHOOKS } from "./kinds.ts";
import { newUlid } from "./new-id.ts";
import { KEPT_DAYS } from "./periods.ts";
import { DAY_SECONDS, inSeconds, nowSeconds } from "./time.ts";

/** An event for the tenant's webhook, in the write of what it tells of; none where there is no webhook. */
export async function outboxed(
  service: Service,
  tenant: TenantId,
  type: string,
  subject: JobId | BatchId,
): Promise<RecordChange[]> {
  if ((await WEBHOOKS.read(service, tenant, ENDPOINT)) === undefined) return [];
  const dueAtMs = service.clock.now().getTime();
  const event = { type, createdAt: nowSeconds(service), subject, attempts: 0, dueAtMs };
  const end = inSeconds(service, KEPT_DAYS.webhookEvents * DAY_SECONDS);
  return [OUTBOX.put(newUlid(service), event, "absent", end)];
}

export const ENDPOINT = "endpoint";
