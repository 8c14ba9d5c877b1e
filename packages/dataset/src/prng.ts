import { KilotuneError } from "@kilotune/contract";
import { hash64, scatter } from "./hash64.ts";

/** Four unsigned 32-bit words, not all zero. Plain numbers, so that a checkpoint can hold them as JSON. */
export type PrngState = readonly [number, number, number, number];

/** Random numbers that are the same on every machine for the same seed. */
export interface Prng {
  /** Uniform in [0, 1), in steps of 2^-32. */
  uniform(): number;
  /** Standard normal. Uses Math.log, so other engines than V8 may differ in the last bit; everything else is exact. */
  normal(): number;
  /** Uniform in 0 .. n - 1, without bias; n in 1 .. 2^32. */
  integer(n: number): number;
  /** In place (Fisher-Yates), and returned. */
  shuffle<A extends { readonly length: number; [index: number]: unknown }>(array: A): A;
  /** What `resumePrng` needs to go on with the very next number. */
  readonly state: PrngState;
}

/**
 * @param seed an integer in 0 .. 2^53 - 1.
 * @param stream a name for what the numbers are for: two uses of one seed must not draw the same numbers.
 */
export function prng(seed: number, stream = ""): Prng {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new KilotuneError(
      "bad_seed",
      `expected a seed in 0 .. 2^53 - 1, seen ${seed}.`,
      "Use a whole number, e.g. 0.",
      { kind: "usage" },
    );
  }
  const { high, low } = hash64(stream);
  const words = [seed >>> 0, Math.floor(seed / 2 ** 32), high, low];
  // Each word of the state depends on all four, so that seeds 1 and 2 have nothing in common.
  let mixed = 0;
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 4; i++) {
      mixed = scatter(mixed + words[i]! + 0x9e3779b9);
      words[i] = mixed;
    }
  }
  // The generator's one forbidden state is all zeros.
  return resumePrng([words[0]!, words[1]!, words[2]!, (words[3]! | 1) >>> 0]);
}

/** xoshiro128** 1.1 (Blackman and Vigna, 2018, public domain): period 2^128 - 1, passes BigCrush. */
export function resumePrng(state: PrngState): Prng {
  if (state.length !== 4 || state.some((word) => word !== word >>> 0) || state.every((word) => word === 0)) {
    throw new KilotuneError(
      "bad_prng_state",
      "expected four unsigned 32-bit words, not all zero.",
      "The checkpoint is damaged: start afresh.",
    );
  }
  let [a, b, c, d] = state;

  function word(): number {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  }

  function uniform(): number {
    return word() / 2 ** 32;
  }

  /** Marsaglia's polar method; its second number is dropped, so that the state is the four words and nothing else. */
  function normal(): number {
    for (;;) {
      const u = 2 * uniform() - 1;
      const v = 2 * uniform() - 1;
      const square = u * u + v * v;
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * Math.log(square)) / square);
    }
  }

  function integer(n: number): number {
    // The last, incomplete run of n words is drawn again: with `% n` alone small numbers would come more often.
    const whole = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const drawn = word();
      if (drawn < whole) return drawn % n;
    }
  }

  function shuffle<A extends { readonly length: number; [index: number]: unknown }>(array: A): A {
    for (let last = array.length - 1; last > 0; last--) {
      const other = integer(last + 1);
      [array[last], array[other]] = [array[other], array[last]];
    }
    return array;
  }

  return {
    uniform,
    normal,
    integer,
    shuffle,
    get state(): PrngState {
      return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
    },
  };
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
