import { scatter } from "./hash64.ts";
import type { Sighting } from "./text-index.ts";
import { textKey } from "./text-key.ts";

/**
 * Finds earlier texts that share most of their letters, without keeping or comparing any: a one-permutation MinHash (Li, Owen
 * and Zhang, NIPS 2012) of the runs of four characters, 32 bins of 8 bits a text, looked up by eight bands of four bins. A
 * million texts take some 100 MB and 3 s.
 */
export class NearTexts {
  /** The bands of each text, 8 words a text. */
  readonly #bands: Uint32Array[] = [];
  /** A line and a label of each. */
  readonly #places: Uint32Array[] = [];
  #rows = 0;
  /** Open addressing: 1 + 8 * row + band of the first text with that band; 0 is free. */
  #slots = new Uint32Array(1024);
  #used = 0;

  /** @returns the nearest earlier text; null where none is near */
  find(signature: Signature): Sighting | null {
    let [nearest, found]: [number, number | null] = [LEAST_SHARE, null];
    for (let band = 0; band < BANDS; band++) {
      const entry = this.#slots[this.#slotOf(signature[band]!, band)]!;
      if (entry === 0) continue;
      const row = (entry - 1) >>> BAND_BITS;
      const share = this.#share(row, signature);
      if (share < nearest) continue;
      [nearest, found] = [share, row];
      if (share === 1) break;
    }
    if (found === null) return null;
    const [places, at] = [this.#places[found >>> CHUNK_BITS]!, (found & CHUNK_MASK) << 1];
    return { line: places[at]!, label: places[at + 1]! };
  }

  add(signature: Signature, { line, label }: Sighting): void {
    const [chunk, at] = [this.#rows >>> CHUNK_BITS, this.#rows & CHUNK_MASK];
    if (at === 0) {
      this.#bands.push(new Uint32Array(BANDS << CHUNK_BITS));
      this.#places.push(new Uint32Array(2 << CHUNK_BITS));
    }
    this.#bands[chunk]!.set(signature, at << BAND_BITS);
    this.#places[chunk]!.set([line, label], at << 1);
    const row = this.#rows++;
    for (let band = 0; band < BANDS; band++) {
      if (signature[band] === 0) continue;
      if (this.#used * 3 >= this.#slots.length * 2) this.#grow();
      const slot = this.#slotOf(signature[band]!, band);
      if (this.#slots[slot] !== 0) continue;
      this.#slots[slot] = 1 + (row << BAND_BITS) + band;
      this.#used++;
    }
  }

  #grow(): void {
    const entries = this.#slots;
    this.#slots = new Uint32Array(entries.length * 2);
    for (const entry of entries) {
      if (entry === 0) continue;
      this.#slots[this.#slotOf(this.#bandOf(entry), (entry - 1) & (BANDS - 1))] = entry;
    }
  }

  /** Where that band's first text stands, or would stand. */
  #slotOf(word: number, band: number): number {
    const mask = this.#slots.length - 1;
    let slot = scatter(word + Math.imul(band, 0x9e3779b9)) & mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (((entry - 1) & (BANDS - 1)) === band && this.#bandOf(entry) === word) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #bandOf(entry: number): number {
    const at = entry - 1;
    const row = at >>> BAND_BITS;
    return this.#bands[row >>> CHUNK_BITS]![((row & CHUNK_MASK) << BAND_BITS) + (at & (BANDS - 1))]!;
  }

  /** Of the bins that either text fills, the share that is alike: an estimate of the runs that they share. */
  #share(row: number, signature: Signature): number {
    const bands = this.#bands[row >>> CHUNK_BITS]!;
    const start = (row & CHUNK_MASK) << BAND_BITS;
    let [alike, filled] = [0, 0];
    for (let band = 0; band < BANDS; band++) {
      const [a, b] = [bands[start + band]!, signature[band]!];
      for (let shift = 0; shift < 32; shift += 8) {
        const [mine, theirs] = [(a >>> shift) & 255, (b >>> shift) & 255];
        if ((mine | theirs) === 0) continue;
        filled++;
        if (mine === theirs) alike++;
      }
    }
    return alike / filled;
  }
}

/** 32 bins of 8 bits: 0 where a bin is empty. */
export type Signature = Uint32Array;

/** null for a text that is too short, or says the same over and over: sharing runs would mean little. */
export function signatureOf(text: string): Signature | null {
  const letters = textKey(text).replace(/[^\p{L}\p{N}\p{M}]+/gu, " ");
  const least = new Uint32Array(BANDS * 4).fill(EMPTY);
  for (let at = 0; at + RUN <= letters.length; at++) {
    const hash = hashOfRun(letters, at);
    const bin = hash >>> 27;
    if ((hash & BELOW_BIN) < least[bin]!) least[bin] = hash & BELOW_BIN;
  }
  if (least.reduce((filled, value) => filled + (value === EMPTY ? 0 : 1), 0) < LEAST_BINS) return null;
  const signature = new Uint32Array(BANDS);
  least.forEach((value, bin) => {
    // 1 to 255: 0 says empty.
    const byte = value === EMPTY ? 0 : 1 + (scatter(value) % 255);
    signature[bin >>> 2]! |= byte << (8 * (bin & 3));
  });
  return signature;
}

/** About 14 different runs: in a shorter text one other word makes another text. */
const LEAST_BINS = 11;
const RUN = 4;
/** Estimated from some 30 bins, so give or take 0.07. */
const LEAST_SHARE = 0.8;
const BAND_BITS = 3;
const BANDS = 1 << BAND_BITS;
/** Rows of a chunk, so that growing copies nothing. */
const CHUNK_BITS = 14;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
const BELOW_BIN = 0x07ff_ffff;
const EMPTY = 0xffff_ffff;

function hashOfRun(text: string, at: number): number {
  let hash = 0;
  for (let i = at; i < at + RUN; i++) hash = scatter(Math.imul(hash, 31) + text.charCodeAt(i));
  return hash;
}
