import type { EventId, JobId, TenantId } from "@kilotune/contract";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

export interface JobEvent {
  readonly id: EventId;
  readonly createdAt: UnixSeconds;
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly type: "message" | "metrics";
  readonly data: Readonly<Record<string, number>>;
}

/** The newest first, as OpenAI's; `asc` with `after` follows a job. @throws KilotuneError `not_found` */
export function listJobEvents(
  service: Service,
  tenant: TenantId,
  job: string,
  query?: PageQuery,
): Promise<Page<JobEvent>> {
  return todo(service, tenant, job, query);
}

/** Kept in the order in which they were added. Progress goes through `reportProgress`. */
export function addJobEvent(
  service: Service,
  tenant: TenantId,
  job: JobId,
  event: Pick<JobEvent, "level" | "message"> & { readonly data?: Readonly<Record<string, number>> },
): Promise<void> {
  return todo(service, tenant, job, event);
}
