import type { LintIssue } from "@kilotune/contract";
import { count } from "./excerpt.ts";

/** The first issues of a kind, and how many more there were: a file with a million bad lines must not fill memory. */
export class IssueList {
  readonly #max: number;
  readonly #noun: "error" | "warning";
  readonly #kept: LintIssue[] = [];
  #left = 0;

  constructor(noun: "error" | "warning", max: number) {
    this.#noun = noun;
    this.#max = max;
  }

  get total(): number {
    return this.#kept.length + this.#left;
  }

  add(issue: LintIssue): void {
    if (this.#kept.length < this.#max) this.#kept.push(issue);
    else this.#left++;
  }

  /** The issues in the order added, then one that counts those left out. */
  issues(): LintIssue[] {
    if (this.#left === 0) return [...this.#kept];
    const summary: LintIssue = {
      line: 0,
      column: 0,
      code: `more_${this.#noun}s`,
      message: `${count(this.#left, `more ${this.#noun}`)} not listed.`,
      hint: "Mend those listed and check again.",
    };
    return [...this.#kept, summary];
  }
}
