import { type Backbone, packTexts } from "@kilotune/backbone";
import { type Feeds, float32, type Session } from "@kilotune/engine";
import type { RowStore } from "../task.ts";
import { lengthBatches, splitByLength } from "./batches.ts";

/**
 * What the backbone's `lower` graph makes of a row, W numbers a token: a late prompt doesn't change it, so it is computed
 * once, and this is where late prompts get their speed from. Rows beyond the memory budget are computed again whenever
 * they are asked for.
 */
export class HiddenStore implements RowStore {
  readonly rows: readonly Int32Array[];
  readonly lengths: Int32Array;
  readonly #backbone: Backbone;
  readonly #lower: Session;
  readonly #stored: (Float32Array | undefined)[];
  readonly #typeIds: readonly (Int32Array | undefined)[];

  private constructor(
    backbone: Backbone,
    lower: Session,
    rows: readonly Int32Array[],
    typeIds: readonly (Int32Array | undefined)[],
  ) {
    this.rows = rows;
    this.#typeIds = typeIds;
    this.lengths = Int32Array.from(rows, (row) => row.length);
    this.#backbone = backbone;
    this.#lower = lower;
    this.#stored = new Array(rows.length);
  }

  /**
   * @param rows token ids of each row
   * @param lower an open session of the backbone's `lower` graph; the caller releases it
   * @param budgetBytes default 2 GB: all of banking77 from the middle of minilm-l6 takes a third of that
   */
  static async compute(
    backbone: Backbone,
    lower: Session,
    rows: readonly Int32Array[],
    options: {
      budgetBytes?: number;
      /** Of rows that are pairs: which of its two texts each id belongs to. */
      typeIds?: readonly (Int32Array | undefined)[];
      onProgress?: (done: number) => void;
    } = {},
  ): Promise<HiddenStore> {
    const store = new HiddenStore(backbone, lower, rows, options.typeIds ?? []);
    let left = options.budgetBytes ?? 2e9;
    let done = 0;
    for (const batch of lengthBatches(store.lengths, 64)) {
      const computed = await store.#compute(batch);
      batch.forEach((row, at) => {
        const hidden = computed[at] as Float32Array;
        if (left < hidden.byteLength) return;
        left -= hidden.byteLength;
        // A copy: the view would keep the whole batch's memory.
        store.#stored[row] = hidden.slice();
      });
      done += batch.length;
      options.onProgress?.(done);
    }
    return store;
  }

  /** A view of some rows: nothing is computed or copied. */
  subset(rows: readonly number[]): HiddenStore {
    const part = new HiddenStore(
      this.#backbone,
      this.#lower,
      rows.map((row) => this.rows[row] as Int32Array),
      rows.map((row) => this.#typeIds[row]),
    );
    rows.forEach((row, at) => {
      part.#stored[at] = this.#stored[row];
    });
    return part;
  }

  /** These rows and then those of another store of the same backbone. */
  concat(other: HiddenStore): HiddenStore {
    const joined = new HiddenStore(
      this.#backbone,
      this.#lower,
      [...this.rows, ...other.rows],
      [this, other].flatMap((store) => store.rows.map((_, row) => store.#typeIds[row])),
    );
    [...this.#stored, ...other.#stored].forEach((hidden, row) => {
      joined.#stored[row] = hidden;
    });
    return joined;
  }

  /** A batch with a few long rows goes through in two passes, each padded to its own longest row. */
  passes(batch: readonly number[]): (readonly number[])[] {
    return splitByLength(batch, this.lengths);
  }

  /** Feeds of the upper graphs for some rows: hidden [B, S, W], mask [B, S], pool [B, S]. */
  async batch(rows: readonly number[]): Promise<Feeds> {
    const length = Math.max(...rows.map((row) => this.lengths[row] as number));
    const { mask, pool } = packTexts(
      rows.map((row) => this.rows[row] as Int32Array),
      length,
      this.#backbone.manifest.pooling,
    );
    const missing = rows.filter((row) => this.#stored[row] === undefined);
    const computed = missing.length === 0 ? [] : await this.#compute(missing);
    let next = 0;
    const found = rows.map((row) => this.#stored[row] ?? (computed[next++] as Float32Array));
    const width = (found[0] as Float32Array).length / (this.lengths[rows[0] as number] as number);
    const hidden = new Float32Array(rows.length * length * width);
    found.forEach((states, at) => {
      hidden.set(states, at * length * width);
    });
    return { hidden: float32(hidden, [rows.length, length, width]), mask, pool };
  }

  /** A view a row, without the padding: [tokens, W] flat. */
  async #compute(rows: readonly number[]): Promise<Float32Array[]> {
    const length = Math.max(...rows.map((row) => this.lengths[row] as number));
    const ids = rows.map((row) => this.rows[row] as Int32Array);
    const places = rows.map((row) => ({ typeIds: this.#typeIds[row] ?? [] }));
    const { pool: _, ...feeds } = packTexts(ids, length, this.#backbone.manifest.pooling, places);
    const { hidden } = await this.#lower.run(feeds);
    const states = hidden?.data as Float32Array;
    const width = hidden?.dims[2] as number;
    return rows.map((row, at) => {
      const start = at * length * width;
      return states.subarray(start, start + (this.lengths[row] as number) * width);
    });
  }
}
