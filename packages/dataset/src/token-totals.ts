import { count } from "./excerpt.ts";
import { type Finding, warningAt } from "./reading.ts";

/** What the backbone's tokenizer makes of a text: all its tokens, those it does not know, whether it must be cut. */
export type TokenCount = (
  text: string,
  pair?: string,
) => {
  readonly tokens: number;
  readonly unknown: number;
  readonly truncated: boolean;
};

/** Above this share of unknown tokens the backbone misses what the texts say: a wrong language, say. */
export const MAX_UNKNOWN_SHARE = 0.02;

export class TokenTotals {
  readonly #tokenCount: TokenCount;
  #rows = 0;
  #tokens = 0;
  #unknown = 0;
  #truncated = 0;
  #firstTruncated = 0;
  #firstUnknown = 0;
  #longest = { tokens: 0, line: 0 };

  constructor(tokenCount: TokenCount) {
    this.#tokenCount = tokenCount;
  }

  add(line: number, text: string, pair?: string): void {
    const { tokens, unknown, truncated } = this.#tokenCount(text, pair);
    this.#rows++;
    this.#tokens += tokens;
    this.#unknown += unknown;
    if (unknown > 0) this.#firstUnknown ||= line;
    if (tokens > this.#longest.tokens) this.#longest = { tokens, line };
    if (!truncated) return;
    this.#truncated++;
    this.#firstTruncated ||= line;
  }

  findings(): Finding[] {
    const findings: Finding[] = [];
    if (this.#truncated > 0) {
      const { tokens, line } = this.#longest;
      const message = `${this.#truncated} of ${count(this.#rows, "row")} ${this.#truncated === 1 ? "is" : "are"} longer than the backbone reads and will be cut (the longest is line ${line} with ${tokens} tokens).`;
      findings.push(
        warningAt(
          { line: this.#firstTruncated, column: 0 },
          "rows_truncated",
          message,
          "Put what decides the label first, or shorten the texts.",
        ),
      );
    }
    const share = this.#tokens === 0 ? 0 : this.#unknown / this.#tokens;
    if (share > MAX_UNKNOWN_SHARE) {
      const message = `${(100 * share).toFixed(1)} % of the tokens (${this.#unknown} of ${this.#tokens}) are unknown to the backbone.`;
      findings.push(
        warningAt(
          { line: this.#firstUnknown, column: 0 },
          "unknown_tokens",
          message,
          "Choose a backbone that knows the language and the signs of these texts.",
        ),
      );
    }
    return findings;
  }
}
