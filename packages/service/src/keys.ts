import { idOf, type KeyId, PLATFORM, parseId, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { audited } from "./audit.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { invalidValue, notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { KEYS, type KeyRecord } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { newUlid } from "./new-id.ts";
import { onceShown, type SecretRepeat } from "./once-shown.ts";
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

/**
 * For an admin key the tenant is PLATFORM. A `repeat` is told which key was made: the secret isn't kept for it.
 *
 * @throws KilotuneError `not_found` (the tenant), `invalid_value`; `already_made`, `idempotency_key_reused`
 */
export async function createKey(
  service: Service,
  tenant: TenantId,
  request: KeyRequest = {},
  repeat?: SecretRepeat,
): Promise<NewKey> {
  if (tenant !== PLATFORM) await readLimits(service, tenant);
  const settings = {
    name: checkedName(request.name ?? ""),
    scopes: checkedScopes(tenant, request.scopes),
    expiresAt: checkedExpiry(service, request.expiresAt),
  };
  const make = async (receipt: Receipt) => {
    const { key, secret, change } = newKey(service, tenant, settings);
    const audit = audited(service, "key.created", key.id);
    await service.records.write(tenant, [change, ...receipt(key.id), audit]);
    return { id: key.id, shown: { key, secret } };
  };
  return onceShown(service, tenant, repeat, make, lostKey);
}

/** The oldest first. */
export function listKeys(service: Service, tenant: TenantId, query: PageQuery = {}): Promise<Page<Key>> {
  return listPage(service, tenant, KEYS, query, { cursor: "key", view: ({ value }) => asKey(value) });
}

/**
 * A new key with the same name, scopes and length of life; the old one is good for `overlapSeconds` more (default 1 day,
 * at most 30).
 *
 * @throws KilotuneError `not_found`, `invalid_value`: it is revoked, expired, or has been rotated; as createKey of a repeat
 */
export async function rotateKey(
  service: Service,
  tenant: TenantId,
  id: string,
  overlapSeconds: number = DAY_SECONDS,
  repeat?: SecretRepeat,
): Promise<NewKey> {
  if (!(overlapSeconds >= 0 && overlapSeconds <= 30 * DAY_SECONDS))
    throw invalidValue("overlap_seconds", "0 to 2,592,000", String(overlapSeconds));
  const make = async (receipt: Receipt) => {
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
    const { key, secret, change } = newKey(service, tenant, { ...old, expiresAt });
    const end = now + Math.floor(overlapSeconds);
    const rotated = { ...old, expiresAt: Math.min(old.expiresAt ?? end, end), successor: key.id };
    await service.records.write(tenant, [
      KEYS.put(row.id, rotated, row),
      change,
      ...receipt(key.id),
      audited(service, "key.rotated", row.id, { successor: key.id }),
    ]);
    return { id: key.id, shown: { key, secret } };
  };
  // Afresh where the key was used, and that noted, in between.
  return untilFresh(() => onceShown(service, tenant, repeat, make, lostKey));
}

type Receipt = (id: string) => readonly RecordChange[];

function lostKey(id: string) {
  return {
    what: `the key ${id}, and its secret was in that answer alone`,
    hint: `Where that answer is lost, revoke ${id} and make another, with a new Idempotency-Key.`,
  };
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
