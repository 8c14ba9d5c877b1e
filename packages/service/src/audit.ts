import type { TenantId } from "@kilotune/contract";
import type { Json, RecordChange } from "@kilotune/store";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { AUDIT } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { newUlid } from "./new-id.ts";
import { KEPT_DAYS } from "./periods.ts";
import { DAY_SECONDS, inSeconds, nowSeconds } from "./time.ts";

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
export function listAudit(
  service: Service,
  tenant: TenantId,
  query: PageQuery = {},
): Promise<Page<AuditEntry>> {
  return listPage(service, tenant, AUDIT, query, {
    newestFirst: true,
    view: ({ id, value }) => ({ id, ...value }),
  });
}

/** Goes into the write that does it, so that nothing is done unseen and nothing is logged that wasn't done. */
export function audited(
  service: Service,
  action: string,
  target: string,
  details: Readonly<Record<string, Json>> = {},
): RecordChange {
  return AUDIT.put(
    newUlid(service),
    { at: nowSeconds(service), by: service.by ?? "system", action, target, details },
    "absent",
    inSeconds(service, KEPT_DAYS.audit * DAY_SECONDS),
  );
}
