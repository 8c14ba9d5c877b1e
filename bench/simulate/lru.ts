/** What a cache keeps of things of one size, the least recently used left out first: keys alone, no values. */
export class Lru {
  /** When each was loaded, in order of last use. */
  readonly #keys = new Map<number, number>();
  readonly #room: number;
  readonly #keptSeconds: number;

  /** `keptSeconds`: after its loading it is good for no longer, however often it is used. */
  constructor(room: number, keptSeconds = Number.POSITIVE_INFINITY) {
    this.#room = Math.floor(room);
    this.#keptSeconds = keptSeconds;
  }

  /** Whether it was there; from now on it is. */
  use(key: number, now = 0): boolean {
    const loaded = this.#keys.get(key);
    const isHit = loaded !== undefined && now < loaded + this.#keptSeconds;
    this.#keys.delete(key);
    this.#keys.set(key, isHit ? loaded : now);
    if (this.#keys.size > this.#room) this.#keys.delete(this.#keys.keys().next().value as number);
    return isHit;
  }

  clear(): void {
    this.#keys.clear();
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
