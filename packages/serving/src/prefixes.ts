import { KilotuneError } from "@kilotune/contract";
import { type Feeds, float32, int64, type Tensor } from "@kilotune/engine";
import { type KvPrefix, LONGEST_PROMPT } from "@kilotune/prompt";

/** Key/value prefixes of many prompts in one pass. L layers of the backbone, N heads, P slots, D head dimension, M prefixes. */

/** A prefix in all layers and all slots of its bucket, so that a batch with one prompt feeds it without a copy. */
export interface PreparedPrefix {
  readonly slots: number;
  /** [L, 2, N, P, D], zeros where the prompt has nothing */
  readonly block: Float32Array;
  /** [L, P], 1 where a slot may be seen */
  readonly mask: Float32Array;
}

export const PREFIX_BUCKETS = [8, 16, 32, 64, LONGEST_PROMPT] as const;

/** undefined where a prefix is longer than any bucket. */
export function prefixBucket(tokens: number): number | undefined {
  return PREFIX_BUCKETS.find((slots) => tokens <= slots);
}

/** [its layers, 2, N, its tokens, D] -> all layers, all slots of the bucket. @throws KilotuneError `prompt_too_long` */
export function spreadPrefix(kv: KvPrefix, firstLayer: number, layers: number): PreparedPrefix {
  const { tokens, heads, headDim } = kv;
  const slots = prefixBucket(tokens);
  if (slots === undefined) throw tooLong(tokens);
  const block = new Float32Array(layers * 2 * heads * slots * headDim);
  const mask = new Float32Array(layers * slots);
  for (let layer = firstLayer; layer < firstLayer + kv.layers; layer++) {
    mask.fill(1, layer * slots, layer * slots + tokens);
  }
  const own = tokens * headDim;
  for (let part = 0; part < kv.layers * 2 * heads; part++) {
    const at = (firstLayer * 2 * heads + part) * slots * headDim;
    block.set(kv.data.subarray(part * own, (part + 1) * own), at);
  }
  return { slots, block, mask };
}

/** A table of the distinct prefixes and which of them each row has. Rows without one share a masked one. */
export function prefixFeeds(
  rows: readonly (PreparedPrefix | undefined)[],
  P: number,
  {
    layers: L,
    heads: N,
    headDim: D,
  }: { readonly layers: number; readonly heads: number; readonly headDim: number },
): Feeds {
  const places = new Map<PreparedPrefix | undefined, number>();
  for (const row of rows) if (!places.has(row)) places.set(row, places.size);
  const M = places.size;
  const index = int64(
    BigInt64Array.from(rows, (row) => BigInt(places.get(row)!)),
    [rows.length],
  );
  const feeds = (kv: Float32Array, mask: Float32Array): Record<string, Tensor> => ({
    kv: float32(kv, [M, L, 2, N, P, D]),
    kv_mask: float32(mask, [M, L, P]),
    kv_index: index,
  });
  const [only] = places.keys();
  if (M === 1 && only !== undefined) return feeds(only.block, only.mask);
  const kv = new Float32Array(M * L * 2 * N * P * D);
  const mask = new Float32Array(M * L * P);
  for (const [prefix, place] of places) {
    if (prefix === undefined) continue;
    kv.set(prefix.block, place * L * 2 * N * P * D);
    mask.set(prefix.mask, place * L * P);
  }
  return feeds(kv, mask);
}

export function tooLong(tokens: number, longest: number = LONGEST_PROMPT): KilotuneError {
  return new KilotuneError(
    "prompt_too_long",
    `expected a prompt of at most ${longest} tokens, saw ${tokens}`,
    "Tune again with fewer tokens (--tokens); more than 32 seldom help.",
  );
}
