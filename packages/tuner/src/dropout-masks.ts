import { type Prng, prng } from "@kilotune/dataset";
import { float32, sizeOf, type Tensor } from "@kilotune/engine";

/**
 * Dropout masks (Srivastava et al., 2014) of 0 and 1 / (1 - rate). Drawing a fresh number for each of the millions of
 * places of a step would cost more than the step; so a pool is drawn once from the seed, and each mask is a window of it
 * at a random place. Masks are views: nothing is copied, and the same seed gives the same masks on every machine.
 */
export class DropoutMasks {
  readonly rate: number;
  readonly #pool: Float32Array;

  constructor(rate: number, seed: number) {
    this.rate = rate;
    const random = prng(seed, "dropout pool");
    this.#pool = new Float32Array(POOL_SIZE).fill(1 / (1 - rate));
    // The gaps between dropped places are geometric: a draw for each of those instead of one for each place.
    const gap = () => Math.floor(Math.log(1 - random.uniform()) / Math.log(1 - rate));
    for (let at = gap(); at < POOL_SIZE; at += 1 + gap()) this.#pool[at] = 0;
  }

  /** A mask of this shape, from the place that `random` names. */
  draw(dims: readonly number[], random: Prng): Tensor {
    const size = sizeOf(dims);
    if (size <= POOL_SIZE) {
      const start = random.integer(POOL_SIZE - size + 1);
      return float32(this.#pool.subarray(start, start + size), dims);
    }
    const data = new Float32Array(size);
    for (let at = 0; at < size; at += POOL_SIZE)
      data.set(this.#pool.subarray(0, Math.min(POOL_SIZE, size - at)), at);
    return float32(data, dims);
  }
}

/** 16 MB: several times the largest mask of a step at batch 32 and 64 tokens. */
const POOL_SIZE = 2 ** 22;
