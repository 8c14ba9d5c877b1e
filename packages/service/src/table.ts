import type { TenantId } from "@kilotune/contract";
import type { Expectation, JsonObject, PageRequest, RecordChange, StoredRecord } from "@kilotune/store";
import type { Service } from "./context.ts";

/**
 * Records of one kind, with the type of their values. We alone write them, so what is read is trusted; but an older
 * version of us may have written it, before there were fields that there are now.
 */
export interface Table<T> {
  readonly kind: string;
  read(service: Service, tenant: TenantId, id: string): Promise<Row<T> | undefined>;
  list(
    service: Service,
    tenant: TenantId,
    page?: PageRequest,
  ): Promise<{ readonly rows: readonly Row<T>[]; readonly hasMore: boolean }>;
  /** In order of id. */
  all(
    service: Service,
    tenant: TenantId,
    page?: Pick<PageRequest, "prefix" | "after">,
  ): AsyncGenerator<Row<T>>;
  put(id: string, value: T, expect: Expectation, expiresAt?: Date): RecordChange;
  remove(id: string, expect: Expectation): RecordChange;
}

export interface Row<T> {
  readonly id: string;
  readonly value: T;
  readonly revision: number;
}

/** @param added of a record that was written before them, the fields that have been added to its kind since */
export function table<T>(kind: string, added?: (old: JsonObject) => Partial<T>): Table<T> {
  const rowOf = ({ key, value, revision }: StoredRecord): Row<T> => ({
    id: key.id,
    value: (added === undefined ? value : { ...added(value), ...value }) as T,
    revision,
  });
  const self: Table<T> = {
    kind,
    async read(service, tenant, id) {
      const found = await service.records.read(tenant, { kind, id });
      return found && rowOf(found);
    },
    async list(service, tenant, page) {
      const { records, hasMore } = await service.records.list(tenant, kind, page);
      return { rows: records.map(rowOf), hasMore };
    },
    async *all(service, tenant, { prefix, after: start } = {}) {
      let after = start;
      for (let more = true; more; ) {
        const { rows, hasMore } = await self.list(service, tenant, {
          ...(prefix !== undefined && { prefix }),
          ...(after !== undefined && { after }),
          limit: 1000,
        });
        yield* rows;
        after = rows.at(-1)?.id;
        more = hasMore;
      }
    },
    put: (id, value, expect, expiresAt) => ({
      put: { kind, id },
      value: value as JsonObject,
      expect,
      ...(expiresAt && { expiresAt }),
    }),
    remove: (id, expect) => ({ remove: { kind, id }, expect }),
  };
  return self;
}
