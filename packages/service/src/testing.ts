import { createHash } from "node:crypto";
import type { JobId, TenantId } from "@kilotune/contract";
import {
  type Blobs,
  type Expectation,
  type RecordChange,
  type RecordKey,
  type Records,
  StaleWriteError,
  type StoredRecord,
} from "@kilotune/store";
import type { Service } from "./context.ts";

/** A service in memory whose clock the test sets. `gate` runs before each call of the store: to interleave, or to fail. */
export interface TestService extends Service {
  nowMs: number;
  readonly started: string[];
  readonly stopped: string[];
  gate: (what: string) => Promise<void> | undefined;
  /** Of everything stored for a tenant, as text. */
  dump(tenant: TenantId): string;
}

export function testService(): TestService {
  const rows = new Map<string, Map<string, StoredRecord>>();
  const files = new Map<string, Map<string, Uint8Array>>();
  const started: string[] = [];
  const stopped: string[] = [];
  const self: TestService = {
    nowMs: Date.UTC(2026, 10, 25, 12),
    started,
    stopped,
    gate: () => undefined,
    clock: { now: () => new Date(self.nowMs) },
    backbones: new Map([["minilm-l6", { id: "minilm-l6", createdAt: 1_760_000_000, layers: 6 }]]),
    records: memoryRecords(rows, () => self),
    blobs: memoryBlobs(files, () => self),
    workflow: {
      start: async (_: TenantId, job: JobId) => void started.push(job),
      stop: async (_: TenantId, job: JobId) => void stopped.push(job),
    },
    dump: (tenant) =>
      JSON.stringify([
        [...(rows.get(tenant) ?? [])],
        [...(files.get(tenant) ?? [])].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]),
      ]),
  };
  return self;
}

type World = () => TestService;

function memoryRecords(rows: Map<string, Map<string, StoredRecord>>, world: World): Records {
  const nameOf = ({ kind, id }: RecordKey) => `${kind} ${id}`;
  const partition = (tenant: TenantId) => emplace(rows, tenant, () => new Map());
  const seen = (tenant: TenantId, key: RecordKey) => {
    const row = partition(tenant).get(nameOf(key));
    return row?.expiresAt && row.expiresAt.getTime() <= world().nowMs ? undefined : row;
  };
  const holds = (expect: Expectation, row: StoredRecord | undefined) =>
    expect === "any" ||
    (expect === "absent" && row === undefined) ||
    (expect === "present" && row !== undefined) ||
    (typeof expect === "object" && row?.revision === expect.revision);
  const keyOf = (change: RecordChange) =>
    "put" in change ? change.put : "remove" in change ? change.remove : change.check;
  return {
    async read(tenant, key) {
      await world().gate(`read ${nameOf(key)}`);
      return seen(tenant, key);
    },
    async list(tenant, kind, { after, prefix = "", limit = 100, order = "asc" } = {}) {
      await world().gate(`list ${kind}`);
      const sign = order === "asc" ? 1 : -1;
      const compare = (a: string, b: string) => (a < b ? -sign : a > b ? sign : 0);
      const found = [...partition(tenant).values()]
        .filter(({ key }) => key.kind === kind && key.id.startsWith(prefix) && seen(tenant, key))
        .sort((a, b) => compare(a.key.id, b.key.id))
        .filter(({ key }) => after === undefined || compare(after, key.id) < 0);
      return { records: found.slice(0, limit), hasMore: found.length > limit };
    },
    async write(tenant, changes) {
      await world().gate(`write ${changes.map((change) => nameOf(keyOf(change))).join(", ")}`);
      if (
        new Set(changes.map((change) => nameOf(keyOf(change)))).size !== changes.length ||
        changes.length > 25
      )
        throw new Error("one change a record, at most 25");
      for (const change of changes)
        if (!holds(change.expect, seen(tenant, keyOf(change)))) throw new StaleWriteError(keyOf(change));
      for (const change of changes) {
        const revision = (seen(tenant, keyOf(change))?.revision ?? 0) + 1;
        if ("remove" in change) partition(tenant).delete(nameOf(change.remove));
        if ("put" in change) {
          const { put: key, expiresAt } = change;
          const value = JSON.parse(JSON.stringify(change.value));
          partition(tenant).set(nameOf(key), { key, revision, value, ...(expiresAt && { expiresAt }) });
        }
      }
    },
    async add(tenant, key, amounts, { expiresAt, atMost = {} } = {}) {
      await world().gate(`add ${nameOf(key)}`);
      const row = seen(tenant, key);
      const numbers = { ...row?.value } as Record<string, number>;
      for (const [name, amount] of Object.entries(amounts)) numbers[name] = (numbers[name] ?? 0) + amount;
      for (const [name, most] of Object.entries(atMost)) if ((numbers[name] ?? 0) > most) return undefined;
      const revision = (row?.revision ?? 0) + 1;
      partition(tenant).set(nameOf(key), { key, revision, value: numbers, ...(expiresAt && { expiresAt }) });
      return numbers;
    },
    async eraseTenant(tenant) {
      await world().gate("erase records");
      const count = partition(tenant).size;
      rows.delete(tenant);
      return count;
    },
    scrub: async () => {},
  };
}

function memoryBlobs(files: Map<string, Map<string, Uint8Array>>, world: World): Blobs {
  const folder = (tenant: TenantId) => emplace(files, tenant, () => new Map());
  return {
    async put(tenant, path, bytes, { ifAbsent = false } = {}) {
      await world().gate(`put ${path}`);
      const parts: Uint8Array[] = [];
      for await (const part of bytes instanceof Uint8Array ? [bytes] : bytes) parts.push(part);
      const whole = new Uint8Array(Buffer.concat(parts));
      const written = !(ifAbsent && folder(tenant).has(path));
      if (written) folder(tenant).set(path, whole);
      return { size: whole.length, sha256: createHash("sha256").update(whole).digest("hex"), written };
    },
    async open(tenant, path) {
      await world().gate(`open ${path}`);
      const bytes = folder(tenant).get(path);
      if (bytes === undefined) return undefined;
      return {
        size: bytes.length,
        chunks: (async function* () {
          yield bytes;
        })(),
      };
    },
    async *list(tenant, prefix) {
      for (const [path, bytes] of [...folder(tenant)].sort())
        if (path.startsWith(prefix)) yield { path, size: bytes.length };
    },
    async remove(tenant, path) {
      await world().gate(`unlink ${path}`);
      folder(tenant).delete(path);
    },
    async eraseTenant(tenant) {
      await world().gate("erase blobs");
      const count = folder(tenant).size;
      files.delete(tenant);
      return count;
    },
  };
}

function emplace<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
