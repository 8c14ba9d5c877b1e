import type { RowStore } from "@kilotune/tuner";

/** How much of its rows a backbone reads at once. */
export function tokensOf({ lengths }: Pick<RowStore, "lengths">): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}
