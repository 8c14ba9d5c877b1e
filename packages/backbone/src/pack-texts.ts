import { type Feeds, float32, int64 } from "@kilotune/engine";
import type { Pooling } from "./bert/config.ts";

/** Feeds of a batch of texts, all padded to S positions. */
export interface PackedTexts extends Feeds {
  readonly input_ids: Feeds[string];
  readonly positions: Feeds[string];
  readonly token_types: Feeds[string];
  /** 1 on tokens, 0 on padding. [B, S] */
  readonly mask: Feeds[string];
  /** Weights of the pooled sum: 1 / n on each of a row's n tokens (mean), or 1 on its first (cls). [B, S] */
  readonly pool: Feeds[string];
}

/**
 * Token ids of B rows -> feeds [B, S]. Row i starts at position `starts[i]` (0 where left out), where soft tokens stand
 * in front of it; its own positions still count from 0.
 */
export function packTexts(
  rows: readonly Int32Array[],
  length: number,
  pooling: Pooling,
  starts?: readonly number[],
): PackedTexts {
  const shape = [rows.length, length];
  const ids = new BigInt64Array(rows.length * length);
  const positions = new BigInt64Array(ids.length);
  const mask = new Float32Array(ids.length);
  const pool = new Float32Array(ids.length);
  rows.forEach((row, at) => {
    const start = at * length + (starts?.[at] ?? 0);
    mask.fill(1, at * length, start + row.length);
    for (let token = 0; token < row.length; token++) {
      ids[start + token] = BigInt(row[token] as number);
      positions[start + token] = BigInt(token);
    }
    if (pooling === "cls") pool[start] = 1;
    else pool.fill(1 / row.length, start, start + row.length);
  });
  return {
    input_ids: int64(ids, shape),
    positions: int64(positions, shape),
    token_types: int64(new BigInt64Array(ids.length), shape),
    mask: float32(mask, shape),
    pool: float32(pool, shape),
  };
}
