import type { TenantId } from "@kilotune/contract";
import { badCall } from "./bad-call.ts";

const TENANT = /^tn-[a-z0-9]{1,40}$/;

/**
 * Tenants name folders, partitions and prefixes, so nothing but their own letters gets that far; nor does a missing one.
 *
 * @throws KilotuneError `bad_store_call`
 */
export function checkTenant(tenant: TenantId): void {
  if (typeof tenant !== "string" || !TENANT.test(tenant)) throw badCall("a tenant's id", String(tenant));
}
