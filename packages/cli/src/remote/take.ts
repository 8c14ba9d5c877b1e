import type { Listing } from "@kilotune/sdk";

/** The first items of a list, over as many pages as it takes. */
export async function take<Item extends { readonly id: string }>(
  listing: Listing<Item>,
  count: number,
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of listing) {
    items.push(item);
    if (items.length >= count) break;
  }
  return items;
}

/** For every list that may be long. */
export const LIMIT = {
  kind: "integer",
  value: "N",
  min: 1,
  max: 10_000,
  about: "At most so many",
  default: 20,
} as const;
