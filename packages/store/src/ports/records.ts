import type { TenantId } from "@kilotune/contract";

/**
 * Small JSON records, in one partition a tenant. The adapters know no noun: rules such as "a job that has ended never
 * changes" live above, in terms of `expect`. So both adapters are small, and a rule is written once.
 *
 * Keys, pages and changes of another form than said here are refused (`bad_store_call`). That is a mistake of the caller:
 * ids from outside are parsed before they get here.
 */
export interface Records {
  read(tenant: TenantId, key: RecordKey): Promise<StoredRecord | undefined>;

  /** Records of a kind in order of id (byte order of ASCII). `after`: an id, itself left out; it needn't exist any more. */
  list(tenant: TenantId, kind: string, page?: PageRequest): Promise<RecordPage>;

  /**
   * All changes or none, at most 25 and 3 MB, one a record. What `read` and `list` say afterwards includes them.
   *
   * @throws StaleWriteError an expectation doesn't hold; names the first such key
   * @throws KilotuneError `record_too_large`, `disk_full`, `store_busy`
   */
  write(tenant: TenantId, changes: readonly RecordChange[]): Promise<void>;

  /**
   * Adds to numbers of one record atomically (a missing record or number counts as 0) and answers all its numbers.
   * With `atMost` nothing is added, and undefined answered, where a number would pass its limit. Whole numbers only:
   * their sums are exact in every order. Names are of letters, digits and `_`. Without `expiresAt` a record keeps its own.
   *
   * @throws KilotuneError `not_a_counter` the record holds anything else; `disk_full`, `store_busy`
   */
  add(
    tenant: TenantId,
    key: RecordKey,
    amounts: Readonly<Record<string, number>>,
    options?: { readonly expiresAt?: Date; readonly atMost?: Readonly<Record<string, number>> },
  ): Promise<Readonly<Record<string, number>> | undefined>;

  /** Removes all records of a tenant, expired ones too, and answers how many there were. */
  eraseTenant(tenant: TenantId): Promise<number>;

  /** The last step of an erasure: nothing of what was removed is left where records are kept. It may take seconds. */
  scrub(): Promise<void>;
}

export interface RecordKey {
  /** e.g. `job`; a-z and `-`, at most 32. */
  readonly kind: string;
  /** Printable ASCII without blanks, at most 512. */
  readonly id: string;
}

export interface StoredRecord {
  readonly key: RecordKey;
  /** 1 when made; one more at each write. */
  readonly revision: number;
  /** At most 300 KB as `JSON.stringify` writes it. */
  readonly value: JsonObject;
  /** From then on the record isn't seen any more, whether or not it has been removed yet. */
  readonly expiresAt?: Date;
}

export type JsonObject = { readonly [key: string]: Json };
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface PageRequest {
  readonly after?: string;
  /** Only ids that begin so. */
  readonly prefix?: string;
  /** 1 .. 1,000; default 100. */
  readonly limit?: number;
  readonly order?: "asc" | "desc";
}

export interface RecordPage {
  readonly records: readonly StoredRecord[];
  readonly hasMore: boolean;
}

export type RecordChange =
  | {
      readonly put: RecordKey;
      readonly value: JsonObject;
      readonly expect: Expectation;
      readonly expiresAt?: Date;
    }
  | { readonly remove: RecordKey; readonly expect: Expectation }
  /** Changes nothing; the write fails where it doesn't hold. */
  | { readonly check: RecordKey; readonly expect: Expectation };

/** What must be there for a change to happen: nothing, something, this revision of it, or whatever. */
export type Expectation = "absent" | "present" | "any" | { readonly revision: number };

export class StaleWriteError extends Error {
  override readonly name = "StaleWriteError";
  readonly key: RecordKey;

  constructor(key: RecordKey) {
    super(`${key.kind} ${key.id} isn't what the write expected`);
    this.key = key;
  }
}
