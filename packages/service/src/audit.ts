import type { TenantId } from "@kilotune/contract";
import type { Json } from "@kilotune/store";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

/** Never a key, a text, a label or a file's name. */
export interface AuditEntry {
  readonly id: string;
  readonly at: UnixSeconds;
  /** A key's id, or `system`. */
  readonly by: string;
  /** e.g. `file.deleted` */
  readonly action: string;
  /** The id of what it was done to. */
  readonly target: string;
  readonly details: Readonly<Record<string, Json>>;
}

/** The newest first. PLATFORM has its own. */
export function listAudit(service: Service, tenant: TenantId, query?: PageQuery): Promise<Page<AuditEntry>> {
  return todo(service, tenant, query);
}
