import type { AliasName, TenantId } from "@kilotune/contract";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

export interface Alias {
  readonly name: AliasName;
  readonly target: AliasTarget;
  /** Where a rollback goes. */
  readonly previous: AliasTarget | null;
  readonly updatedAt: UnixSeconds;
  /** The ETag: one more at each change. */
  readonly revision: number;
}

export interface AliasTarget {
  /** A backbone's id, a tuned model's or a checkpoint's name. */
  readonly model: string;
  readonly canary: {
    readonly model: string /** 0 .. 1 of the request keys. */;
    readonly share: number;
  } | null;
}

/** `If-None-Match: *` or `If-Match: "<revision>"`. */
export type AliasExpectation = "absent" | { readonly revision: number };

/** @throws KilotuneError `not_found` */
export function getAlias(service: Service, tenant: TenantId, name: string): Promise<Alias> {
  return todo(service, tenant, name);
}

/** In order of name. */
export function listAliases(service: Service, tenant: TenantId, query?: PageQuery): Promise<Page<Alias>> {
  return todo(service, tenant, query);
}

/** @throws KilotuneError `precondition_failed` (412), `model_not_found`, `invalid_value` (name, share) */
export function putAlias(
  service: Service,
  tenant: TenantId,
  name: string,
  target: { readonly model: string; readonly canary?: AliasTarget["canary"] },
  expect: AliasExpectation,
): Promise<Alias> {
  return todo(service, tenant, name, target, expect);
}

/** Target and previous change places. @throws KilotuneError `not_found`, `precondition_failed`, `model_not_found` (gone meanwhile), `no_previous_target` */
export function rollbackAlias(
  service: Service,
  tenant: TenantId,
  name: string,
  expect?: { readonly revision: number },
): Promise<Alias> {
  return todo(service, tenant, name, expect);
}

/** @throws KilotuneError `not_found`, `precondition_failed` */
export function deleteAlias(
  service: Service,
  tenant: TenantId,
  name: string,
  expect?: { readonly revision: number },
): Promise<void> {
  return todo(service, tenant, name, expect);
}
