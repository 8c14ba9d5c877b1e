import { KilotuneError, PLATFORM, type TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import { isWritten } from "./fresh.ts";
import { type Key, type Scope, asKey } from "./keys.ts";
import { KEYS, type KeyRecord, TENANTS } from "./kinds.ts";
import { type Limits, limitsOf, PLANS } from "./plans.ts";
import { isSecretOf, parseSecret } from "./secret.ts";
import type { Row } from "./table.ts";
import { nowSeconds } from "./time.ts";

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
export async function authenticate(service: Service, bearer: string): Promise<Caller> {
  const parts = parseSecret(bearer);
  if (parts === undefined) throw invalidKey("expected the form kt_.., saw another");
  const { tenant } = parts;
  const [row, owner] = await Promise.all([
    KEYS.read(service, tenant, parts.key),
    TENANTS.read(service, PLATFORM, tenant),
  ]);
  if (!isSecretOf(row?.value.sha256, parts) || row === undefined) throw invalidKey("it isn't known here");
  // Only who holds the secret gets this far, and may hear more.
  const key = row.value;
  if (key.revokedAt !== null) throw invalidKey("it has been revoked");
  if (key.expiresAt !== null && key.expiresAt <= nowSeconds(service)) throw invalidKey("it has expired");
  if (tenant !== PLATFORM) {
    if (owner === undefined || owner.value.status === "erasing") throw invalidKey("it isn't known here");
    if (owner.value.status === "suspended") throw suspended();
  }
  await noteUse(service, tenant, row);
  const limits = owner === undefined ? PLANS.business : limitsOf(owner.value);
  return { tenant, key: asKey(key), limits };
}

/** @throws KilotuneError `insufficient_scope` (403) naming the scope that is missing */
export function requireScope({ key }: Caller, scope: Scope): void {
  if (key.scopes.includes(scope)) return;
  throw new KilotuneError(
    "insufficient_scope",
    `expected a key with the scope ${scope}, this one has ${key.scopes.join(", ")}.`,
    scope === "admin" ? "Use an admin key." : "Make a key with that scope.",
  );
}

/** Once a minute: a write for every request would cost more than the request. */
async function noteUse(service: Service, tenant: TenantId, row: Row<KeyRecord>): Promise<void> {
  const now = nowSeconds(service);
  if (row.value.lastUsedAt !== null && now - row.value.lastUsedAt < 60) return;
  // Stale: another request noted it, or the key is being rotated. Either is newer than this.
  await isWritten(service, tenant, [KEYS.put(row.id, { ...row.value, lastUsedAt: now }, row)]);
}

function invalidKey(why: string): KilotuneError {
  return new KilotuneError(
    "invalid_api_key",
    `The API key can't be used: ${why}.`,
    "Check that the whole key was sent; whoever manages the tenant can make another.",
  );
}

function suspended(): KilotuneError {
  return new KilotuneError(
    "tenant_suspended",
    "The key is right, but its tenant is suspended.",
    "Ask the people who run this service.",
  );
}
