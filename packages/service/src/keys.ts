import type { KeyId, TenantId } from "@kilotune/contract";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

/** `admin` is of the platform's keys alone, and they have no other. */
export type Scope = "infer" | "tune" | "read" | "manage" | "admin";

/** What is known of a key; never its secret. */
export interface Key {
  readonly id: KeyId;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: UnixSeconds;
  readonly expiresAt: UnixSeconds | null;
  readonly revokedAt: UnixSeconds | null;
  /** To the minute. */
  readonly lastUsedAt: UnixSeconds | null;
}

/** `secret` (`kt_..`) is shown this once: a hash of it is kept. */
export interface NewKey {
  readonly key: Key;
  readonly secret: string;
}

export interface KeyRequest {
  /** At most 100 characters. */
  readonly name?: string;
  /** All of a tenant's where left out; of the platform always `admin`. */
  readonly scopes?: readonly Scope[];
  readonly expiresAt?: UnixSeconds;
}

/** For an admin key the tenant is PLATFORM. @throws KilotuneError `not_found`, `invalid_value` */
export function createKey(service: Service, tenant: TenantId, request?: KeyRequest): Promise<NewKey> {
  return todo(service, tenant, request);
}

export function listKeys(service: Service, tenant: TenantId, query?: PageQuery): Promise<Page<Key>> {
  return todo(service, tenant, query);
}

/** A new key with the same name, scopes and expiry; the old one is good for `overlapSeconds` more (default 1 day, at most 30). */
export function rotateKey(
  service: Service,
  tenant: TenantId,
  id: string,
  overlapSeconds?: number,
): Promise<NewKey> {
  return todo(service, tenant, id, overlapSeconds);
}

/** At once and for good; again is no error. */
export function revokeKey(service: Service, tenant: TenantId, id: string): Promise<Key> {
  return todo(service, tenant, id);
}
