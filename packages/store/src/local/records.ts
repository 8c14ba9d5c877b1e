import type { DatabaseSync } from "node:sqlite";
import type { TenantId } from "@kilotune/contract";
import type { Clock } from "../ports/clock.ts";
import {
  type Expectation,
  type JsonObject,
  type PageRequest,
  type RecordChange,
  type RecordKey,
  type RecordPage,
  type Records,
  StaleWriteError,
  type StoredRecord,
} from "../ports/records.ts";
import { checkAmounts, isCounter, notACounter, sumsOf } from "../rules/counter.ts";
import { idRange } from "../rules/id-range.ts";
import { type CheckedChange, checkChanges, checkKey, checkPage } from "../rules/records.ts";
import { checkTenant } from "../rules/tenant.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { runFault } from "./faults.ts";

/**
 * Records in one table of SQLite. Its calls block, for microseconds; so nothing comes between a transaction's beginning
 * and its end, and a call that has answered is written.
 */
export class SqliteRecords implements Records {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #sql: Statements;
  readonly #checkpoints: Checkpoints;
  #writes = 0;

  constructor(database: DatabaseSync, clock: Clock, checkpoints: Checkpoints) {
    this.#database = database;
    this.#clock = clock;
    this.#sql = prepare(database);
    this.#checkpoints = checkpoints;
    this.#removeExpired();
  }

  async read(tenant: TenantId, key: RecordKey): Promise<StoredRecord | undefined> {
    checkKey(tenant, key);
    const row = this.#find(tenant, key);
    return row && toRecord(key, row);
  }

  async list(tenant: TenantId, kind: string, page: PageRequest = {}): Promise<RecordPage> {
    const { limit, order } = checkPage(tenant, kind, page);
    const { from, to } = idRange(page);
    const rows = this.#sql[order].all(tenant, kind, from, to, this.#now(), limit + 1) as unknown as (Row & {
      id: string;
    })[];
    const records = rows.slice(0, limit).map((row) => toRecord({ kind, id: row.id }, row));
    return { records, hasMore: rows.length > limit };
  }

  async write(tenant: TenantId, changes: readonly RecordChange[]): Promise<void> {
    const checked = checkChanges(tenant, changes);
    await this.#transaction(() => {
      for (const change of checked) this.#apply(tenant, change);
    });
  }

  async add(
    tenant: TenantId,
    key: RecordKey,
    amounts: Readonly<Record<string, number>>,
    options: { readonly expiresAt?: Date; readonly atMost?: Readonly<Record<string, number>> } = {},
  ): Promise<Readonly<Record<string, number>> | undefined> {
    checkKey(tenant, key);
    checkAmounts(amounts, options.atMost);
    return this.#transaction(() => {
      const row = this.#find(tenant, key);
      const held: JsonObject = row ? JSON.parse(row.value) : {};
      if (!isCounter(held)) throw notACounter(key);
      const sums = sumsOf(held, amounts, options.atMost);
      if (sums === undefined) return undefined;
      const expiresAt = options.expiresAt?.getTime() ?? row?.expires_at ?? null;
      this.#sql.put.run(tenant, key.kind, key.id, (row?.revision ?? 0) + 1, JSON.stringify(sums), expiresAt);
      return sums;
    });
  }

  async eraseTenant(tenant: TenantId): Promise<number> {
    checkTenant(tenant);
    return this.#transaction(() => Number(this.#sql.erase.run(tenant).changes));
  }

  /** Log and file still have what was written before. */
  async scrub(): Promise<void> {
    await this.#checkpoints.scrub().catch((error: unknown) => {
      throw runFault(error);
    });
  }

  #now(): number {
    return this.#clock.now().getTime();
  }

  #find(tenant: TenantId, key: RecordKey): Row | undefined {
    return this.#sql.find.get(tenant, key.kind, key.id, this.#now()) as unknown as Row | undefined;
  }

  #apply(tenant: TenantId, checked: CheckedChange): void {
    const { key, change } = checked;
    const revision = this.#find(tenant, key)?.revision;
    if (!holds(change.expect, revision)) throw new StaleWriteError(key);
    if (checked.does === "remove") this.#sql.remove.run(tenant, key.kind, key.id);
    if (checked.does !== "put") return;
    const expiresAt = checked.change.expiresAt?.getTime() ?? null;
    this.#sql.put.run(tenant, key.kind, key.id, (revision ?? 0) + 1, checked.json, expiresAt);
  }

  async #transaction<T>(work: () => T): Promise<T> {
    await this.#checkpoints.beforeWrite();
    try {
      this.#sql.begin.run();
      const result = work();
      this.#sql.commit.run();
      this.#tidy();
      return result;
    } catch (error) {
      // A full disk may have ended the transaction already.
      if (this.#database.isTransaction) this.#sql.rollback.run();
      throw runFault(error);
    }
  }

  /** What is written is written: where this fails, for a full disk or a thread that doesn't start, the next write may do it. */
  #tidy(): void {
    try {
      if (++this.#writes % WRITES_A_SWEEP === 0) this.#removeExpired();
      this.#checkpoints.afterWrite();
    } catch {}
  }

  /** Nobody sees them any more; this only gives their space back, a little at a time. */
  #removeExpired(): void {
    this.#sql.sweep.run(this.#now(), RECORDS_A_SWEEP);
  }
}

const WRITES_A_SWEEP = 64;
/** More than can have come since the last sweep: 64 writes of 25 changes. */
const RECORDS_A_SWEEP = 2000;

interface Row {
  readonly revision: number;
  readonly value: string;
  readonly expires_at: number | null;
}

function toRecord(key: RecordKey, row: Row): StoredRecord {
  const record = { key, revision: row.revision, value: JSON.parse(row.value) as JsonObject };
  return row.expires_at === null ? record : { ...record, expiresAt: new Date(row.expires_at) };
}

/** @param revision of the record there is, undefined where there is none */
function holds(expected: Expectation, revision: number | undefined): boolean {
  if (expected === "any") return true;
  if (expected === "absent") return revision === undefined;
  if (expected === "present") return revision !== undefined;
  return revision === expected.revision;
}

type Statements = ReturnType<typeof prepare>;

function prepare(database: DatabaseSync) {
  const row = "revision, value, expires_at";
  const seen = "(expires_at IS NULL OR expires_at > ?)";
  const one = "tenant = ? AND kind = ? AND id = ?";
  const page = `SELECT id, ${row} FROM records WHERE tenant = ? AND kind = ? AND id >= ? AND id <= ? AND ${seen}`;
  const of = (sql: string) => database.prepare(sql);
  return {
    begin: of("BEGIN IMMEDIATE"),
    commit: of("COMMIT"),
    rollback: of("ROLLBACK"),
    find: of(`SELECT ${row} FROM records WHERE ${one} AND ${seen}`),
    put: of("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)"),
    remove: of(`DELETE FROM records WHERE ${one}`),
    asc: of(`${page} ORDER BY id LIMIT ?`),
    desc: of(`${page} ORDER BY id DESC LIMIT ?`),
    erase: of("DELETE FROM records WHERE tenant = ?"),
    sweep: of(`DELETE FROM records WHERE (tenant, kind, id) IN
      (SELECT tenant, kind, id FROM records WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`),
  };
}
