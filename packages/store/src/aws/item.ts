import type { TenantId } from "@kilotune/contract";
import type { JsonObject, RecordKey, StoredRecord } from "../ports/records.ts";
import { isCounter } from "../rules/counter.ts";

/**
 * A record as an item of the table. Its value is kept as JSON text, since DynamoDB's own maps know neither `__proto__` nor
 * all doubles; save that of a counter, whose numbers the database itself must be able to add to.
 */
export interface Item {
  readonly pk: string;
  readonly sk: string;
  readonly revision: number;
  readonly json?: string;
  readonly numbers?: Readonly<Record<string, number>>;
  /** The moment from which the record isn't seen. */
  readonly expiresAtMs?: number;
  /** The same, as DynamoDB wants it, which removes the item within some days of it. */
  readonly expiresAtSeconds?: number;
}

/** No kind has a `#`, so that no kind's items lie among another's. */
export function itemKey(tenant: TenantId, { kind, id }: RecordKey): { pk: string; sk: string } {
  return { pk: tenant, sk: `${kind}#${id}` };
}

/** Numbers go as a Map, since the SDK takes an object with a number called `toString` for something else. */
export function valuePart(json: string): { json: string } | { numbers: ReadonlyMap<string, number> } {
  const value = JSON.parse(json) as JsonObject;
  return isCounter(value) ? { numbers: new Map(Object.entries(value)) } : { json };
}

export function expiryPart(expiresAt: Date | undefined) {
  if (expiresAt === undefined) return {};
  const expiresAtMs = expiresAt.getTime();
  return { expiresAtMs, expiresAtSeconds: Math.ceil(expiresAtMs / 1000) };
}

export function toRecord({ sk, revision, json, numbers, expiresAtMs }: Item): StoredRecord {
  const hash = sk.indexOf("#");
  const key = { kind: sk.slice(0, hash), id: sk.slice(hash + 1) };
  const value = numbers ?? (JSON.parse(json as string) as JsonObject);
  const record = { key, revision, value };
  return expiresAtMs === undefined ? record : { ...record, expiresAt: new Date(expiresAtMs) };
}
