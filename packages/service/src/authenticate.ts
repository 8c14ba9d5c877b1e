import type { TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import type { Key, Scope } from "./keys.ts";
import type { Limits } from "./plans.ts";
import { todo } from "./todo.ts";

/** Who asks. `tenant` is PLATFORM for an admin key. */
export interface Caller {
  readonly tenant: TenantId;
  readonly key: Key;
  readonly limits: Limits;
}

/**
 * `bearer`: what came in the header, without `Bearer `. A key of an unknown tenant, an unknown key and a wrong secret
 * cost and answer the same.
 *
 * @throws KilotuneError `invalid_api_key` (401), `tenant_suspended` (403)
 */
export function authenticate(service: Service, bearer: string): Promise<Caller> {
  return todo(service, bearer);
}

/** @throws KilotuneError `insufficient_scope` (403) naming the scope that is missing */
export function requireScope(caller: Caller, scope: Scope): void {
  todo(caller, scope);
}
