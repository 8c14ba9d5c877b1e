/** What a cache keeps of things of one size, the least recently used left out first: keys alone, no values. */
export class Lru {
  readonly #keys = new Set<number>();
  readonly #room: number;

  constructor(room: number) {
    this.#room = Math.floor(room);
  }

  /** Whether it was there; from now on it is. */
  use(key: number): boolean {
    const hit = this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size > this.#room) this.#keys.delete(this.#keys.values().next().value as number);
    return hit;
  }
}

/**
 * The share of requests that such a cache answers where each is drawn anew from `shares` (Che's approximation: a key is
 * there if it was asked for within T, the time in which as many different keys are asked for as have room).
 */
export function hitRateOf(shares: Float64Array, room: number): number {
  if (room >= shares.length) return 1;
  const kept = (time: number) => shares.reduce((sum, share) => sum - Math.expm1(-share * time), 0);
  let [low, high] = [0, 1];
  while (kept(high) < room) high *= 2;
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (kept(middle) < room) low = middle;
    else high = middle;
  }
  return shares.reduce((sum, share) => sum - share * Math.expm1(-share * low), 0);
}
