import { isCodedError, type TenantId } from "@kilotune/contract";
import { Webhook } from "standardwebhooks";
import type { Service } from "./context.ts";
import { isWritten } from "./fresh.ts";
import { OUTBOX, type OutboxRecord, WEBHOOKS } from "./kinds.ts";
import { ENDPOINT } from "./outbox.ts";
import { eachPending } from "./pending.ts";
import { KEPT_DAYS } from "./periods.ts";
import type { Row } from "./table.ts";
import type { SendWebhook } from "./send-webhook.ts";
import { DAY_SECONDS } from "./time.ts";

export interface Deliveries {
  readonly delivered: number;
  /** Tried and not taken; due again later, or given up. */
  readonly failed: number;
  /** Of these, not even sent: the address isn't one that webhooks may reach. */
  readonly refused: number;
}

/**
 * Sends what is due, of all tenants: `fine_tuning.job.succeeded|failed|cancelled` and `batch.completed|failed|expired|
 * cancelled`, signed in Standard Webhooks form. What fails comes due again later, 9 times over 3 days. At least once: a receiver tells
 * repeats by `webhook-id`. Call it every few seconds; calls may overlap.
 */
export async function deliverEvents(service: Service, send: SendWebhook): Promise<Deliveries> {
  const sums = { delivered: 0, failed: 0, refused: 0 };
  const run = async (tenant: TenantId) => {
    const { delivered, failed, refused } = await deliverTo(service, tenant, send);
    sums.delivered += delivered;
    sums.failed += failed;
    sums.refused += refused;
  };
  await eachPending(service, "jobs", run, { atOnce: AT_ONCE });
  return sums;
}

async function deliverTo(service: Service, tenant: TenantId, send: SendWebhook): Promise<Deliveries> {
  let delivered = 0;
  for await (const row of OUTBOX.all(service, tenant)) {
    if (row.value.dueAtMs > service.clock.now().getTime()) continue;
    const posted = await deliver(service, tenant, row, send);
    if (posted === "taken") delivered++;
    // The endpoint is down: its other events stay due, and wait for the next call.
    else if (posted !== undefined) return { delivered, failed: 1, refused: posted === "refused" ? 1 : 0 };
  }
  return { delivered, failed: 0, refused: 0 };
}

/** undefined: somebody else is at it, or there is no endpoint any more. */
async function deliver(
  service: Service,
  tenant: TenantId,
  row: Row<OutboxRecord>,
  send: SendWebhook,
): Promise<Posted | undefined> {
  const endpoint = await WEBHOOKS.read(service, tenant, ENDPOINT);
  const wait = RETRY_SECONDS[row.value.attempts];
  if (endpoint === undefined || wait === undefined) {
    await service.records.write(tenant, [OUTBOX.remove(row.id, "any")]);
    return undefined;
  }
  // Written before it is sent: whoever is second leaves it, and a crash costs one attempt.
  const dueAtMs = service.clock.now().getTime() + wait * 1000;
  const begun = { ...row.value, attempts: row.value.attempts + 1, dueAtMs };
  const end = new Date((row.value.createdAt + KEPT_DAYS.webhookEvents * DAY_SECONDS) * 1000);
  if (!(await isWritten(service, tenant, [OUTBOX.put(row.id, begun, row, end)]))) return undefined;
  const posted = await post(service, endpoint.value, row, send);
  if (posted === "taken") await service.records.write(tenant, [OUTBOX.remove(row.id, "any")]);
  return posted;
}

async function post(
  service: Service,
  { url, secret }: { readonly url: string; readonly secret: string },
  { id: ulid, value }: Row<OutboxRecord>,
  send: SendWebhook,
): Promise<Posted> {
  const id = `evt-${ulid}`;
  const { type, createdAt, subject } = value;
  const body = JSON.stringify({ id, object: "event", type, created_at: createdAt, data: { id: subject } });
  const now = service.clock.now();
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, now, body),
  };
  try {
    const status = await send(url, { headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return status >= 200 && status < 300 ? "taken" : "failed";
  } catch (error) {
    return isCodedError(error) && error.code === "webhook_refused" ? "refused" : "failed";
  }
}

type Posted = "taken" | "failed" | "refused";

/** After each attempt, as Standard Webhooks proposes. */
const RETRY_SECONDS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
const TIMEOUT_MS = 10_000;
const AT_ONCE = 16;
