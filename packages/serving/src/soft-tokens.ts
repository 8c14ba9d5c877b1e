import { type Feeds, float32, int64 } from "@kilotune/engine";
import type { SoftTokens } from "@kilotune/prompt";

/**
 * Soft tokens of many prompts in one pass: a table of the distinct ones' vectors, row 0 empty, and which of them stands at each
 * of a row's first `width` positions (0: none). Q vectors, H hidden size.
 */
export function softFeeds(
  rows: readonly (SoftTokens | undefined)[],
  width: number,
  hiddenSize: number,
): Feeds {
  const firstRow = new Map<SoftTokens, number>();
  let tableRows = 1;
  for (const soft of rows) {
    if (soft === undefined || firstRow.has(soft)) continue;
    firstRow.set(soft, tableRows);
    tableRows += soft.tokens;
  }
  const table = new Float32Array(tableRows * hiddenSize);
  for (const [soft, first] of firstRow) table.set(soft.data, first * hiddenSize);
  const index = new BigInt64Array(rows.length * width);
  rows.forEach((soft, at) => {
    if (soft === undefined) return;
    const first = firstRow.get(soft)!;
    for (let token = 0; token < soft.tokens; token++) index[at * width + token] = BigInt(first + token);
  });
  return {
    soft: float32(table, [tableRows, hiddenSize]),
    soft_index: int64(index, [rows.length, width]),
  };
}
