import { type Feeds, float32, int64 } from "@kilotune/engine";
import type { Pooling } from "./text/sentence.ts";

/** Feeds of a batch of texts, all padded to S positions. */
export interface PackedTexts extends Feeds {
  readonly input_ids: Feeds[string];
  readonly positions: Feeds[string];
  readonly token_types: Feeds[string];
  /** 1 on tokens, 0 on padding. [B, S] */
  readonly mask: Feeds[string];
  /** Weights of the pooled sum: 1 / n on each of a row's n tokens (mean), or 1 on one position; max: 1 on each token. [B, S] */
  readonly pool: Feeds[string];
}

/** How a row is read where its prompt asks for another way than the backbone's own. */
export interface RowPlace {
  /** Where the text stands in the row: behind so many soft tokens. Default 0. */
  readonly start?: number;
  /** The number that its first token's position has. Default 0, whatever stands in front. */
  readonly firstPosition?: number;
  /** Which of a pair's texts each token belongs to; default all the first. */
  readonly typeIds?: ArrayLike<number>;
  /** `first`: the row's first position, a soft token where there is one. Default the backbone's. */
  readonly pooling?: Pooling | "first" | undefined;
}

/** Token ids of B rows -> feeds [B, S]. */
export function packTexts(
  rows: readonly Int32Array[],
  length: number,
  pooling: Pooling,
  places: readonly RowPlace[] = [],
): PackedTexts {
  const shape = [rows.length, length];
  const ids = new BigInt64Array(rows.length * length);
  const positions = new BigInt64Array(ids.length);
  const types = new BigInt64Array(ids.length);
  const mask = new Float32Array(ids.length);
  const pool = new Float32Array(ids.length);
  rows.forEach((row, at) => {
    const place = places[at];
    const first = at * length;
    const start = first + (place?.start ?? 0);
    const firstPosition = place?.firstPosition ?? 0;
    mask.fill(1, first, start + row.length);
    for (let token = 0; token < row.length; token++) {
      ids[start + token] = BigInt(row[token] as number);
      positions[start + token] = BigInt(firstPosition + token);
      types[start + token] = BigInt(place?.typeIds?.[token] ?? 0);
    }
    switch (place?.pooling ?? pooling) {
      case "first":
        pool[first] = 1;
        break;
      case "cls":
        pool[start] = 1;
        break;
      case "last":
        pool[start + row.length - 1] = 1;
        break;
      case "max":
        pool.fill(1, start, start + row.length);
        break;
      case "mean":
        pool.fill(1 / row.length, start, start + row.length);
    }
  });
  return {
    input_ids: int64(ids, shape),
    positions: int64(positions, shape),
    token_types: int64(types, shape),
    mask: float32(mask, shape),
    pool: float32(pool, shape),
  };
}
