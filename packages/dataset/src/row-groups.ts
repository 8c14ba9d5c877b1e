import { NearTexts, signatureOf } from "./near-texts.ts";
import { textKey } from "./text-key.ts";
import type { ImageRow } from "./vision/image-rows.ts";
import { NearIndex } from "./vision/near-index.ts";

/** Rows that belong together, told two by two. */
export class RowGroups {
  readonly #parents: Int32Array;

  constructor(rows: number) {
    this.#parents = Int32Array.from({ length: rows }, (_, row) => row);
  }

  join(one: number, other: number): void {
    const [a, b] = [this.#rootOf(one), this.#rootOf(other)];
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }

  /** Joins a row with the first one that had the key. @param keys of one kind, first row each; the caller keeps it */
  joinByKey(keys: Map<string, number>, key: string, row: number): void {
    const first = keys.get(key);
    if (first === undefined) keys.set(key, row);
    else this.join(first, row);
  }

  /** The first row of each row's group. */
  numbers(): Int32Array {
    return this.#parents.map((_, row) => this.#rootOf(row));
  }

  #rootOf(row: number): number {
    let at = row;
    while (this.#parents[at] !== at) at = this.#parents[at] as number;
    this.#parents[row] = at;
    return at;
  }
}

/** Rows whose texts the linter would call duplicates or near ones, of one another or by way of others. */
export function joinSimilarTexts(groups: RowGroups, texts: readonly string[]): void {
  const keys = new Map<string, number>();
  const near = new NearTexts();
  texts.forEach((text, row) => {
    groups.joinByKey(keys, textKey(text), row);
    const signature = signatureOf(text);
    if (signature === null) return;
    const found = near.find(signature);
    if (found !== null) groups.join(found.line, row);
    near.add(signature, { line: row, label: 0 });
  });
}

/** What rows of images are compared by: see `ImageFacts`. */
export interface ComparedImage extends Pick<ImageRow, "patient"> {
  readonly sha256: string;
  readonly perceptual: string | null;
}

/** Of one patient, or of images that the linter would call duplicates or near ones. */
export function similarImages(images: readonly ComparedImage[]): Int32Array {
  const groups = new RowGroups(images.length);
  const [patients, bytes] = [new Map<string, number>(), new Map<string, number>()];
  const near = new NearIndex();
  images.forEach(({ patient, sha256, perceptual }, row) => {
    if (patient !== null) groups.joinByKey(patients, patient, row);
    groups.joinByKey(bytes, sha256, row);
    if (perceptual === null) return;
    const found = near.find(perceptual);
    if (found !== null) groups.join(found, row);
    near.add(perceptual, row);
  });
  return groups.numbers();
}

/** Of equal and nearly equal texts. */
export function similarTexts(texts: readonly string[]): Int32Array {
  const groups = new RowGroups(texts.length);
  joinSimilarTexts(groups, texts);
  return groups.numbers();
}
