import type { Tensor } from "@kilotune/engine";

/**
 * Of one row of a pass the states at its words' places, [words that have one, H] flat: a copy, since a view would keep the
 * whole batch in memory.
 *
 * @param tokens [B, S, H] @param places -1 where a word has none
 */
export function statesOf({ data, dims }: Tensor, row: number, places: Int32Array): Float32Array {
  const [, positions, width] = dims as [number, number, number];
  const seen = places.filter((place) => place >= 0);
  const states = new Float32Array(seen.length * width);
  seen.forEach((place, at) => {
    const from = (row * positions + place) * width;
    states.set((data as Float32Array).subarray(from, from + width), at * width);
  });
  return states;
}
