/** Finds earlier pictures whose perceptual hash differs in a few bits, without comparing all with all. */
export class NearIndex {
  /**
   * By place and content of 16 bits: two hashes that differ in at most 7 of 128 bits share one of 8 such parts. A part that
   * very many share (a plain background) is no longer followed.
   */
  readonly #parts = new Map<string, number[]>();
  readonly #hashes: { readonly hash: string; readonly line: number }[] = [];

  /** @returns the line of the nearest earlier picture; null where none is near */
  find(hash: string): number | null {
    let [nearest, line]: [number, number | null] = [MAX_BITS + 1, null];
    for (const part of partsOf(hash)) {
      for (const at of this.#parts.get(part) ?? []) {
        const known = this.#hashes[at]!;
        const bits = distance(known.hash, hash);
        if (bits < nearest) [nearest, line] = [bits, known.line];
      }
    }
    return line;
  }

  add(hash: string, line: number): void {
    const at = this.#hashes.push({ hash, line }) - 1;
    for (const part of partsOf(hash)) {
      const sharing = this.#parts.get(part);
      if (sharing === undefined) this.#parts.set(part, [at]);
      else if (sharing.length < MAX_SHARING) sharing.push(at);
    }
  }
}

/** Of 128. Re-encoded copies differ in 0 to 4, other pictures of one kind of specimen in 20 and more. */
const MAX_BITS = 6;
const MAX_SHARING = 1000;

function partsOf(hash: string): string[] {
  return Array.from({ length: hash.length / 4 }, (_, i) => `${i}:${hash.slice(4 * i, 4 * i + 4)}`);
}

function distance(a: string, b: string): number {
  let bits = 0;
  for (let i = 0; i < a.length; i += 8) {
    let differing = Number.parseInt(a.slice(i, i + 8), 16) ^ Number.parseInt(b.slice(i, i + 8), 16);
    for (; differing !== 0; differing &= differing - 1) bits++;
  }
  return bits;
}
