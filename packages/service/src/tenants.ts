import type { TenantId } from "@kilotune/contract";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import type { Limits, PlanName } from "./plans.ts";
import { todo } from "./todo.ts";

export interface Tenant {
  readonly id: TenantId;
  readonly name: string;
  readonly plan: PlanName;
  /** What differs from the plan's limits. */
  readonly overrides: Partial<Limits>;
  /** `erasing`: its deletion has begun and can't be taken back. */
  readonly status: "active" | "suspended" | "erasing";
  readonly createdAt: UnixSeconds;
}

export interface TenantRequest {
  /** 1 .. 100 characters. */
  readonly name: string;
  /** Default `free`. */
  readonly plan?: string;
  readonly overrides?: Partial<Limits>;
}

/** @throws KilotuneError `invalid_value` (name, plan, a negative limit) */
export function createTenant(service: Service, request: TenantRequest): Promise<Tenant> {
  return todo(service, request);
}

/** @throws KilotuneError `not_found`, as for every id below that is malformed, foreign or unknown */
export function getTenant(service: Service, id: string): Promise<Tenant> {
  return todo(service, id);
}

/** The oldest first. */
export function listTenants(service: Service, query?: PageQuery): Promise<Page<Tenant>> {
  return todo(service, query);
}

/** Changes name, plan or overrides (which are replaced as a whole), or suspends and readmits. */
export function updateTenant(
  service: Service,
  id: string,
  change: Partial<TenantRequest> & { readonly status?: "active" | "suspended" },
): Promise<Tenant> {
  return todo(service, id, change);
}
