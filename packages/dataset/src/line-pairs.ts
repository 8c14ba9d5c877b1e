import type { Place } from "./reading.ts";

/** How many pairs of lines there are, and the first few of them. */
export class LinePairs {
  readonly #shown: (readonly [earlier: number, later: number])[] = [];
  #total = 0;

  add(earlier: number, later: number): void {
    this.#total++;
    if (this.#shown.length < 5) this.#shown.push([earlier, later]);
  }

  get total(): number {
    return this.#total;
  }

  /** The first later line. */
  get place(): Place {
    return { line: this.#shown[0]?.[1] ?? 0, column: 0 };
  }

  listed(earlier: string): string {
    const pairs = this.#shown.map(([a, b]) => `line ${b} (${earlier} ${a})`).join(", ");
    return this.#total > this.#shown.length ? `${pairs} and so on` : pairs;
  }
}
