import { spansOfTags } from "@kilotune/heads";

export interface SpanScore {
  /** Spans of the truth. */
  readonly support: number;
  readonly precision: number;
  readonly recall: number;
  /** Of all spans together (micro). */
  readonly f1: number;
  /** Mean over the names that appear, expected or answered. */
  readonly macroF1: number;
  readonly perName: readonly {
    readonly name: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly support: number;
  }[];
}

/**
 * Precision, recall and F1 of whole spans: one counts where name, beginning and end are right, as in CoNLL's evaluation and
 * seqeval (its default mode). What was divided by zero is 0.
 *
 * @param expected tags of each row @param answered of the same rows, of the same lengths
 */
export function scoreSpans(
  expected: readonly (readonly string[])[],
  answered: readonly (readonly string[])[],
): SpanScore {
  const counts = new Map<string, Counts>();
  const of = (name: string) => {
    const known = counts.get(name);
    if (known !== undefined) return known;
    const fresh = { right: 0, expected: 0, answered: 0 };
    counts.set(name, fresh);
    return fresh;
  };
  expected.forEach((row, at) => {
    const truth = new Set<string>();
    for (const { name, start, end } of spansOfTags(row)) {
      of(name).expected++;
      truth.add(`${start} ${end} ${name}`);
    }
    for (const { name, start, end } of spansOfTags(answered[at] ?? [])) {
      const count = of(name);
      count.answered++;
      if (truth.has(`${start} ${end} ${name}`)) count.right++;
    }
  });
  const all = { right: 0, expected: 0, answered: 0 };
  for (const count of counts.values()) {
    all.right += count.right;
    all.expected += count.expected;
    all.answered += count.answered;
  }
  const perName = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => ({ name, ...ratesOf(count), support: count.expected }));
  const macroF1 = perName.length === 0 ? 0 : perName.reduce((sum, { f1 }) => sum + f1, 0) / perName.length;
  return { support: all.expected, ...ratesOf(all), macroF1, perName };
}

interface Counts {
  right: number;
  expected: number;
  answered: number;
}

function ratesOf({ right, expected, answered }: Counts) {
  const precision = answered === 0 ? 0 : right / answered;
  const recall = expected === 0 ? 0 : right / expected;
  return { precision, recall, f1: right === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}
