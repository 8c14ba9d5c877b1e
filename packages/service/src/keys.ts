import { idOf, type KeyId, PLATFORM, parseId, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { audited } from "./audit.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { invalidValue, notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { KEYS, type KeyRecord } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { newUlid } from "./new-id.ts";
import { readLimits } from "./quota.ts";
import { newSecret } from "./secret.ts";
import type { Row } from "./table.ts";
import { DAY_SECONDS, nowSeconds } from "./time.ts";

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

/** For an admin key the tenant is PLATFORM. @throws KilotuneError `not_found` (the tenant), `invalid_value` */
export async function createKey(
  service: Service,
  tenant: TenantId,
  request: KeyRequest = {},
): Promise<NewKey> {
  if (tenant !== PLATFORM) await readLimits(service, tenant);
  const made = newKey(service, tenant, {
    name: checkedName(request.name ?? ""),
    scopes: checkedScopes(tenant, request.scopes),
    expiresAt: checkedExpiry(service, request.expiresAt),
  });
  await service.records.write(tenant, [made.change, audited(service, "key.created", made.key.id)]);
  return { key: made.key, secret: made.secret };
}

/** The oldest first. */
export function listKeys(service: Service, tenant: TenantId, query: PageQuery = {}): Promise<Page<Key>> {
  return listPage(service, tenant, KEYS, query, { cursor: "key", view: ({ value }) => asKey(value) });
}

/**
 * A new key with the same name, scopes and length of life; the old one is good for `overlapSeconds` more (default 1 day,
 * at most 30).
 *
 * @throws KilotuneError `not_found`, `invalid_value`: it is revoked, expired, or has been rotated
 */
export async function rotateKey(
  service: Service,
  tenant: TenantId,
  id: string,
  overlapSeconds: number = DAY_SECONDS,
): Promise<NewKey> {
  if (!(overlapSeconds >= 0 && overlapSeconds <= 30 * DAY_SECONDS))
    throw invalidValue("overlap_seconds", "0 to 2,592,000", String(overlapSeconds));
  return untilFresh(async () => {
    const row = await readKey(service, tenant, id);
    const old = row.value;
    const now = nowSeconds(service);
    if (old.revokedAt !== null || old.successor !== undefined || (old.expiresAt ?? now + 1) <= now)
      throw invalidValue(
        "id",
        "a key that is good",
        "one that is revoked, expired or rotated",
        "Make a new key.",
      );
    const expiresAt = old.expiresAt === null ? null : now + (old.expiresAt - old.createdAt);
    const made = newKey(service, tenant, { ...old, expiresAt });
    const end = now + Math.floor(overlapSeconds);
    const rotated = { ...old, expiresAt: Math.min(old.expiresAt ?? end, end), successor: made.key.id };
    await service.records.write(tenant, [
      KEYS.put(row.id, rotated, row),
      made.change,
      audited(service, "key.rotated", row.id, { successor: made.key.id }),
    ]);
    return { key: made.key, secret: made.secret };
  });
}

/** At once and for good; again is no error. */
export function revokeKey(service: Service, tenant: TenantId, id: string): Promise<Key> {
  return untilFresh(async () => {
    const row = await readKey(service, tenant, id);
    if (row.value.revokedAt !== null) return asKey(row.value);
    const revoked = { ...row.value, revokedAt: nowSeconds(service) };
    await service.records.write(tenant, [
      KEYS.put(row.id, revoked, row),
      audited(service, "key.revoked", row.id),
    ]);
    return asKey(revoked);
  });
}

export function asKey({ sha256: _, successor: __, ...key }: KeyRecord): Key {
  return key;
}

function newKey(
  service: Service,
  tenant: TenantId,
  { name, scopes, expiresAt }: Pick<Key, "name" | "scopes" | "expiresAt">,
): NewKey & { readonly change: RecordChange } {
  const id = idOf("key", newUlid(service));
  const { secret, sha256 } = newSecret(service, tenant, id);
  const createdAt = nowSeconds(service);
  const key: Key = { id, name, scopes, createdAt, expiresAt, revokedAt: null, lastUsedAt: null };
  return { key, secret, change: KEYS.put(id, { ...key, sha256 }, "absent") };
}

async function readKey(service: Service, tenant: TenantId, id: string): Promise<Row<KeyRecord>> {
  const known = parseId("key", id);
  const row = known && (await KEYS.read(service, tenant, known));
  if (row === undefined) throw notFound("key");
  return row;
}

function checkedName(name: string): string {
  const length = [...name].length;
  if (length > 100) throw invalidValue("name", "at most 100 characters", String(length));
  return name;
}

function checkedScopes(tenant: TenantId, scopes: readonly Scope[] | undefined): readonly Scope[] {
  const legal: readonly Scope[] = tenant === PLATFORM ? ["admin"] : ["infer", "tune", "read", "manage"];
  const wanted = [...new Set(scopes ?? legal)];
  if (wanted.length === 0 || !wanted.every((scope) => legal.includes(scope)))
    throw invalidValue("scopes", `one or more of ${legal.join(", ")}`, "others or none");
  return wanted;
}

function checkedExpiry(service: Service, expiresAt: UnixSeconds | undefined): UnixSeconds | null {
  if (expiresAt === undefined) return null;
  if (!Number.isSafeInteger(expiresAt) || expiresAt <= nowSeconds(service))
    throw invalidValue("expires_at", "Unix seconds after now", String(expiresAt));
  return expiresAt;
}
