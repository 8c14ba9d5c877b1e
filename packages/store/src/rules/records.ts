import { KilotuneError, type TenantId } from "@kilotune/contract";
import type { PageRequest, RecordChange, RecordKey } from "../ports/records.ts";
import { badCall } from "./bad-call.ts";
import { checkTenant } from "./tenant.ts";

/** What both adapters refuse, checked by the same code, so that a call which one takes the other takes too. */

const KIND = /^[a-z][a-z-]{0,31}$/;
const ID = /^[!-~]{1,512}$/;
const PREFIX = /^[!-~]{0,512}$/;

/** DynamoDB's transactions take 4 MB, its items 400 KB, names and keys included. */
const MAX_CHANGES = 25;
const MAX_VALUE_BYTES = 300 * 1024;
const MAX_WRITE_BYTES = 3 * 1024 * 1024;

/** @throws KilotuneError `bad_store_call` */
export function checkKey(tenant: TenantId, key: RecordKey): void {
  checkTenant(tenant);
  checkKind(key.kind);
  if (typeof key.id !== "string" || !ID.test(key.id)) {
    throw badCall("a record's id of printable ASCII without blanks, at most 512", String(key.id));
  }
}

/** @throws KilotuneError `bad_store_call` */
export function checkPage(
  tenant: TenantId,
  kind: string,
  page: PageRequest,
): Required<Pick<PageRequest, "limit" | "order">> {
  checkTenant(tenant);
  checkKind(kind);
  const { after, prefix = "", limit = 100, order = "asc" } = page;
  if (after !== undefined && !ID.test(after)) throw badCall("the id of a record as `after`", after);
  if (!PREFIX.test(prefix)) throw badCall("the beginning of an id as `prefix`", prefix);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw badCall("a limit of 1 to 1,000", String(limit));
  return { limit, order };
}

/** A change whose value is already JSON text. */
export type CheckedChange =
  | { readonly does: "put"; readonly key: RecordKey; readonly change: PutChange; readonly json: string }
  | { readonly does: "remove" | "check"; readonly key: RecordKey; readonly change: RecordChange };

type PutChange = Extract<RecordChange, { put: RecordKey }>;

/** @throws KilotuneError `bad_store_call`, `record_too_large` */
export function checkChanges(tenant: TenantId, changes: readonly RecordChange[]): CheckedChange[] {
  checkTenant(tenant);
  if (changes.length > MAX_CHANGES) throw badCall(`at most ${MAX_CHANGES} changes`, String(changes.length));
  const seen = new Set<string>();
  let bytes = 0;
  return changes.map((change) => {
    const checked = checkChange(tenant, change);
    const name = `${checked.key.kind} ${checked.key.id}`;
    if (seen.has(name)) throw badCall("one change a record", name);
    seen.add(name);
    if (checked.does !== "put") return checked;
    const size = Buffer.byteLength(checked.json);
    if (size > MAX_VALUE_BYTES) throw tooLarge(`a ${checked.key.kind} takes`, MAX_VALUE_BYTES, size);
    bytes += size;
    if (bytes > MAX_WRITE_BYTES) throw tooLarge("all values of a write take", MAX_WRITE_BYTES, bytes);
    return checked;
  });
}

function checkKind(kind: string): void {
  if (typeof kind !== "string" || !KIND.test(kind))
    throw badCall("a kind of a-z and -, at most 32", String(kind));
}

function checkChange(tenant: TenantId, change: RecordChange): CheckedChange {
  if ("put" in change) {
    checkKey(tenant, change.put);
    return { does: "put", key: change.put, change, json: JSON.stringify(change.value) };
  }
  const does = "remove" in change ? "remove" : "check";
  const key = "remove" in change ? change.remove : change.check;
  checkKey(tenant, key);
  return { does, key, change };
}

function tooLarge(what: string, most: number, seen: number): KilotuneError {
  return new KilotuneError(
    "record_too_large",
    `${what} at most ${most.toLocaleString("en")} bytes as JSON, this has ${seen.toLocaleString("en")}`,
    "Keep what is large in a blob.",
  );
}
