import type { AuditObject, KeyObject, NewKey, TenantCreate, TenantObject } from "@kilotune/contract/wire";
import type { NewKey as MadeKey } from "@kilotune/service";
import { type AuditEntry, type Key, type Limits, limitsOf, type Tenant } from "@kilotune/service";

export function tenantView(tenant: Tenant): TenantObject {
  const limits = limitsOf(tenant);
  return {
    id: tenant.id,
    object: "tenant",
    name: tenant.name,
    plan: tenant.plan,
    limits: {
      requests_per_minute: limits.requestsPerMinute,
      tokens_per_minute: limits.tokensPerMinute,
      jobs_at_once: limits.jobsAtOnce,
      stored_bytes: limits.storedBytes,
      prompts: limits.prompts,
      tuning_hours_per_month: limits.tuningHoursPerMonth,
    },
    status: tenant.status,
    created_at: tenant.createdAt,
  };
}

export function overrides(given: NonNullable<TenantCreate["limits"]>): Partial<Limits> {
  const named = {
    requestsPerMinute: given.requests_per_minute,
    tokensPerMinute: given.tokens_per_minute,
    jobsAtOnce: given.jobs_at_once,
    storedBytes: given.stored_bytes,
    prompts: given.prompts,
    tuningHoursPerMonth: given.tuning_hours_per_month,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

export function keyView(key: Key): KeyObject {
  return {
    id: key.id,
    object: "key",
    name: key.name,
    scopes: [...key.scopes],
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    last_used_at: key.lastUsedAt,
  };
}

export function newKeyView({ key, secret }: MadeKey): NewKey {
  return { ...keyView(key), secret };
}

export function auditView({ id, at, by, action, target, details }: AuditEntry): AuditObject {
  return { id, object: "audit.entry", created_at: at, by, action, target, details: { ...details } };
}
