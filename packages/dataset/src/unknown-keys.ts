import { count, excerpt, quotedList } from "./excerpt.ts";
import { type Finding, type Place, WHOLE_FILE, warningAt } from "./reading.ts";

/** Counts the keys that no one asked for, so that a file with an `id` in a million rows gets one warning. */
export class UnknownKeys {
  /** A Map, since a key may be called `__proto__`. */
  readonly #seen = new Map<string, { readonly place: Place; rows: number }>();
  readonly #hint: string;
  #uncounted = 0;

  /** @param known the keys of a row that mean something; all others are read over, and said so once a key */
  constructor(known: readonly string[]) {
    this.#hint = `Only ${quotedList(known)} are read; nothing to do if that is meant.`;
  }

  add(key: string, place: Place): void {
    const seen = this.#seen.get(key);
    if (seen !== undefined) seen.rows++;
    else if (this.#seen.size < MAX_KEYS) this.#seen.set(key, { place, rows: 1 });
    else this.#uncounted++;
  }

  findings(): Finding[] {
    const each = [...this.#seen].map(([key, { place, rows }]) =>
      warningAt(
        place,
        "unknown_key",
        `the key ${excerpt(key)} is not used (${count(rows, "row")}, the first one here).`,
        this.#hint,
      ),
    );
    if (this.#uncounted === 0) return each;
    const more = `further keys besides these ${MAX_KEYS} are not used (seen ${count(this.#uncounted, "time")}).`;
    return [...each, warningAt(WHOLE_FILE, "unknown_key", more, this.#hint)];
  }
}

/** Files whose keys are data (`{"<user>": ..}`) would otherwise fill memory with names. */
const MAX_KEYS = 100;
