import type { TenantId } from "@kilotune/contract";
import { badCall } from "./bad-call.ts";
import { checkTenant } from "./tenant.ts";

/** Not `.` or `..`; the length is that of file systems. */
const SEGMENT = /^(?!\.{1,2}$)[a-z0-9._-]{1,200}$/;
const MAX_PATH = 512;

/** @throws KilotuneError `bad_store_call` */
export function checkBlobPath(tenant: TenantId, path: string): void {
  checkTenant(tenant);
  if (
    typeof path !== "string" ||
    path.length > MAX_PATH ||
    !path.split("/").every((part) => SEGMENT.test(part))
  ) {
    throw badCall("a blob's path of a-z, 0-9, ., _, - in segments joined by /", String(path));
  }
}

/** A path, or its beginning up to any letter. @throws KilotuneError `bad_store_call` */
export function checkBlobPrefix(tenant: TenantId, prefix: string): void {
  if (prefix === "") checkTenant(tenant);
  else checkBlobPath(tenant, prefix.endsWith("/") ? prefix.slice(0, -1) : prefix);
}
