import { parseId, type TenantId, type TimeOrderedIds, ulidOf } from "@kilotune/contract";
import type { Page, PageQuery, Service } from "./context.ts";
import { invalidValue } from "./errors.ts";
import type { Row, Table } from "./table.ts";

/**
 * A page of a table. `view` makes what is answered of a row, or leaves it out: pages are full all the same, and
 * `hasMore` is exact.
 *
 * @throws KilotuneError `invalid_value` (`limit`, `after`)
 */
export async function listPage<R, T>(
  service: Service,
  tenant: TenantId,
  table: Table<R>,
  { after, limit = DEFAULT_LIMIT, order }: PageQuery,
  { prefix = "", cursor, newestFirst = false, view }: ListOptions<R, T>,
): Promise<Page<T>> {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw invalidValue("limit", `1 to ${MAX_LIMIT}`, String(limit));
  let from = after === undefined ? undefined : prefix + checkedCursor(after, cursor, prefix !== "");
  const data: T[] = [];
  // One more than asked for tells whether there are more; where `view` leaves many out, larger steps.
  for (let more = true, step = limit + 1; more && data.length <= limit; step = LARGE_STEP) {
    const { rows, hasMore } = await table.list(service, tenant, {
      prefix,
      order: order ?? (newestFirst ? "desc" : "asc"),
      limit: step,
      ...(from !== undefined && { after: from }),
    });
    for (const row of rows) {
      const item = view(row);
      if (item !== undefined) data.push(item);
    }
    from = rows.at(-1)?.id;
    more = hasMore;
  }
  return { data: data.slice(0, limit), hasMore: data.length > limit };
}

export interface ListOptions<R, T> {
  /** Of the records' ids; `after` comes without it. */
  readonly prefix?: string;
  /** `after` is such an id; behind a prefix the records' ids have its ulid alone. */
  readonly cursor?: keyof TimeOrderedIds;
  readonly newestFirst?: boolean;
  readonly view: (row: Row<R>) => T | undefined;
}

function checkedCursor(after: string, kind: keyof TimeOrderedIds | undefined, ulidAlone: boolean): string {
  const id = kind === undefined ? undefined : parseId(kind, after);
  if (id !== undefined) return ulidAlone ? ulidOf(id) : id;
  if (kind !== undefined || !CURSOR.test(after))
    throw invalidValue("after", "the id of the last page's last item", "something else");
  return after;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const LARGE_STEP = 500;
const CURSOR = /^[!-~]{1,256}$/;
