import { type EventId, idOf, type JobId, type TenantId, ulidOf } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { readJob } from "./change-job.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { EVENTS } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { newUlid } from "./new-id.ts";
import { KEPT_DAYS } from "./periods.ts";
import { DAY_SECONDS, inSeconds, nowSeconds } from "./time.ts";

export interface JobEvent {
  readonly id: EventId;
  readonly createdAt: UnixSeconds;
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly type: "message" | "metrics";
  readonly data: Readonly<Record<string, number>>;
}

export interface NewJobEvent {
  readonly level: JobEvent["level"];
  readonly message: string;
  /** Makes it an event of type `metrics`. */
  readonly data?: Readonly<Record<string, number>>;
}

/** The newest first, as OpenAI's; `asc` with `after` follows a job. @throws KilotuneError `not_found` */
export async function listJobEvents(
  service: Service,
  tenant: TenantId,
  job: string,
  query: PageQuery = {},
): Promise<Page<JobEvent>> {
  const { id } = await readJob(service, tenant, job);
  return listPage(service, tenant, EVENTS, query, {
    prefix: `${id}/`,
    cursor: "event",
    newestFirst: true,
    view: ({ value }) => value,
  });
}

/** Kept in the order in which they were added. Progress goes through `reportProgress`. */
export async function addJobEvent(
  service: Service,
  tenant: TenantId,
  job: JobId,
  event: NewJobEvent,
): Promise<void> {
  await readJob(service, tenant, job);
  await service.records.write(tenant, [eventAdded(service, job, event)]);
}

export function eventAdded(
  service: Service,
  job: JobId,
  { level, message, data }: NewJobEvent,
): RecordChange {
  const id = idOf("event", newUlid(service));
  const type = data === undefined ? "message" : "metrics";
  const event = { id, createdAt: nowSeconds(service), level, message, type, data: data ?? {} } as const;
  const end = inSeconds(service, KEPT_DAYS.jobEvents * DAY_SECONDS);
  return EVENTS.put(`${job}/${ulidOf(id)}`, event, "absent", end);
}
