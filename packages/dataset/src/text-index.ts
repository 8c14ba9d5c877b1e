import { type Hash64, hash64, scatter } from "./hash64.ts";
import { textKey } from "./text-key.ts";

/** Where a text, or a text with a label, was first seen. */
export interface Sighting {
  /** 1-based line. */
  readonly line: number;
  /** Whatever number the caller gave the label. */
  readonly label: number;
}

export type Verdict =
  | { readonly kind: "new" }
  /** The text with this very label was there before; `first` is the first such row. */
  | { readonly kind: "duplicate"; readonly first: Sighting }
  /** The text was there before, but never with this label; `first` is the text's first row. */
  | { readonly kind: "conflict"; readonly first: Sighting };

/**
 * Remembers a million texts in some 48 MB: a 64-bit hash, a line and a label each in an open-addressing table of typed
 * arrays, never the strings.
 */
export class TextIndex {
  #slots = new Slots(1024);

  add(text: string, { line, label }: Sighting): Verdict {
    const hash = hash64(textKey(text));
    const first = this.#insert(hash, line, label);
    if (first === null) return { kind: "new" };
    if (first.label === label) return { kind: "duplicate", first };
    // The pair has an entry of its own, so that a third row with the second label is its duplicate, not a new conflict.
    const pair = { high: scatter(hash.high ^ scatter(label + 1)), low: scatter(hash.low + label + 1) };
    const same = this.#insert(pair, line, label);
    return same === null ? { kind: "conflict", first } : { kind: "duplicate", first: same };
  }

  find(text: string): Sighting | null {
    return this.#slots.find(hash64(textKey(text)));
  }

  /** Returns what was there before, or null where the entry is new. */
  #insert(hash: Hash64, line: number, label: number): Sighting | null {
    const found = this.#slots.find(hash);
    if (found !== null) return found;
    if (this.#slots.full) this.#slots = this.#slots.grown();
    this.#slots.put(hash, line, label);
    return null;
  }
}

/** Linear probing over a power of two; line 0 marks a free slot, lines being 1-based. */
class Slots {
  readonly #size: number;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #line: Uint32Array;
  readonly #label: Uint32Array;
  #used = 0;

  constructor(size: number) {
    this.#size = size;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#line = new Uint32Array(size);
    this.#label = new Uint32Array(size);
  }

  /** Past two thirds the probes grow long. */
  get full(): boolean {
    return this.#used * 3 >= this.#size * 2;
  }

  find(hash: Hash64): Sighting | null {
    const at = this.#slotOf(hash);
    return this.#line[at] === 0 ? null : { line: this.#line[at]!, label: this.#label[at]! };
  }

  put(hash: Hash64, line: number, label: number): void {
    const at = this.#slotOf(hash);
    this.#high[at] = hash.high;
    this.#low[at] = hash.low;
    this.#line[at] = line;
    this.#label[at] = label;
    this.#used++;
  }

  grown(): Slots {
    const next = new Slots(this.#size * 2);
    for (let at = 0; at < this.#size; at++) {
      if (this.#line[at] !== 0)
        next.put({ high: this.#high[at]!, low: this.#low[at]! }, this.#line[at]!, this.#label[at]!);
    }
    return next;
  }

  #slotOf({ high, low }: Hash64): number {
    let at = low & (this.#size - 1);
    while (this.#line[at] !== 0 && (this.#high[at] !== high || this.#low[at] !== low))
      at = (at + 1) & (this.#size - 1);
    return at;
  }
}
