import type { Prng } from "@kilotune/dataset";

/**
 * Batches of similar length: rows sorted by length and cut, so that hardly a position is padding. On short texts this
 * alone halves the work of an epoch.
 *
 * With `random`, rows of equal length are mixed anew and the batches come in random order: one training epoch.
 * Without, the order is fixed: for evaluation.
 *
 * @param lengths tokens of each row
 * @returns indices into the rows
 */
export function lengthBatches(lengths: ArrayLike<number>, batchSize: number, random?: Prng): number[][] {
  const order = Array.from({ length: lengths.length }, (_, row) => row);
  random?.shuffle(order);
  order.sort((a, b) => (lengths[a] as number) - (lengths[b] as number));
  const batches: number[][] = [];
  for (let start = 0; start < order.length; start += batchSize)
    batches.push(order.slice(start, start + batchSize));
  return random?.shuffle(batches) ?? batches;
}

/**
 * A batch of `lengthBatches` in one part or two, each to be padded to its own longest row: the few longest rows of a data
 * set share a batch with rows of half their length, and padding would be most of that batch's work.
 */
export function splitByLength(batch: readonly number[], lengths: ArrayLike<number>): (readonly number[])[] {
  const longest = lengths[batch.at(-1) as number] as number;
  const saved = batch.map((_, cut) =>
    cut === 0 ? 0 : cut * (longest - (lengths[batch[cut - 1] as number] as number)),
  );
  const most = Math.max(...saved);
  if (most < PAYS_FROM) return [batch];
  const cut = saved.indexOf(most);
  return [batch.slice(0, cut), batch.slice(cut)];
}

/** Positions of padding; a pass of its own costs about as much as these. */
const PAYS_FROM = 64;
