import type { AdditionKind } from "@kilotune/backbone";
import { type Feeds, float32, int64 } from "@kilotune/engine";

/** What a prompt adds to the products of the layers, in all of them, zeros where it has nothing. */
export interface PreparedAddition<Kind extends AdditionKind = AdditionKind> {
  readonly kind: Kind;
  /** As one entry of a pass's table. */
  readonly dims: readonly number[];
  readonly block: Float32Array;
}

/** What rows of one pass have in common: additions of one kind and shape, or none. */
export function additionKey(added: PreparedAddition | undefined): string {
  return added === undefined ? "plain" : `${added.kind} ${added.dims.join(" ")}`;
}

/** A table of the distinct additions, all of one key, and which of them each row has; nothing of rows without. */
export function additionFeeds(rows: readonly (PreparedAddition | undefined)[]): Feeds {
  const [first] = rows;
  if (first === undefined) return {};
  const { kind, dims, block } = first;
  const places = new Map<PreparedAddition, number>();
  for (const row of rows as readonly PreparedAddition[]) if (!places.has(row)) places.set(row, places.size);
  const table = new Float32Array(places.size * block.length);
  for (const [added, place] of places) table.set(added.block, place * block.length);
  return {
    [kind]: float32(table, [places.size, ...dims]),
    [`${kind}_index`]: int64(
      BigInt64Array.from(rows as readonly PreparedAddition[], (row) => BigInt(places.get(row)!)),
      [rows.length],
    ),
  };
}
