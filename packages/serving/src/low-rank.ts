import { KilotuneError } from "@kilotune/contract";
import { type Feeds, float32, int64 } from "@kilotune/engine";
import type { LoraFactors } from "@kilotune/prompt";

/** LoRA's factors of many prompts in one pass. L layers of the backbone, R rank of a bucket, H hidden size, A prompts. */

/** In all layers and at the rank of its bucket, zeros where the prompt has nothing. */
export interface PreparedLora {
  readonly rank: number;
  /** [L, 2, 2, R, H] */
  readonly block: Float32Array;
}

export const RANK_BUCKETS = [4, 8, 16, 32, 64] as const;

/** [its layers, 2, 2, its rank, H] -> all layers, the rank of the bucket. @throws KilotuneError `prompt_too_long` */
export function spreadLora(
  { data, layers: own, rank, hidden }: LoraFactors,
  firstLayer: number,
  layers: number,
): PreparedLora {
  const bucket = RANK_BUCKETS.find((most) => rank <= most);
  if (bucket === undefined)
    throw new KilotuneError(
      "prompt_too_long",
      `expected LoRA of a rank of at most ${RANK_BUCKETS.at(-1)}, saw ${rank}`,
      "Tune again with a lower rank; more than 16 seldom helps.",
    );
  const block = new Float32Array(layers * 4 * bucket * hidden);
  const size = rank * hidden;
  for (let part = 0; part < own * 4; part++)
    block.set(data.subarray(part * size, (part + 1) * size), (firstLayer * 4 + part) * bucket * hidden);
  return { rank: bucket, block };
}

/** A table of the distinct factors and which of them each row has. */
export function loraFeeds(
  rows: readonly PreparedLora[],
  { layers, hiddenSize }: { readonly layers: number; readonly hiddenSize: number },
): Feeds {
  const places = new Map<PreparedLora, number>();
  for (const row of rows) if (!places.has(row)) places.set(row, places.size);
  const [{ rank, block }] = rows as [PreparedLora];
  const table = new Float32Array(places.size * block.length);
  for (const [lora, place] of places) table.set(lora.block, place * block.length);
  return {
    lora: float32(table, [places.size, layers, 2, 2, rank, hiddenSize]),
    lora_index: int64(
      BigInt64Array.from(rows, (row) => BigInt(places.get(row)!)),
      [rows.length],
    ),
  };
}
