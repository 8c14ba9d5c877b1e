import type { Judged, Judgement } from "./task.ts";

/** Told by held-out rows, each compared with itself. */
export function judgeRows<Outcome>(
  asked: Judged<Outcome>,
  rivals: readonly Judged<Outcome>[],
  figure: {
    readonly title: string;
    /** What people call the rows: images, texts. */
    readonly rows: string;
    of(outcomes: readonly Outcome[]): number;
    ofRow(outcome: Outcome): number;
  },
): Judgement {
  const value = ({ outcomes }: Judged<Outcome>) => (outcomes.length === 0 ? 0 : figure.of(outcomes));
  const rival = rivals.reduce<Judged<Outcome> | undefined>(
    (best, next) => (best === undefined || value(next) > value(best) ? next : best),
    undefined,
  );
  const rows = asked.outcomes.length;
  if (rows === 0 || rival === undefined) {
    const words =
      rows === 0 ? `No ${figure.rows} could be held out, so nothing tells whether the prompt pays.` : "";
    return { best: asked.name, margin: 0, significant: false, pValue: 1, paid: true, words };
  }
  const margin = value(asked) - value(rival);
  const differences = asked.outcomes.map(
    (outcome, row) => figure.ofRow(outcome) - figure.ofRow(rival.outcomes[row] as Outcome),
  );
  const { standardError, pValue } = pairedTest(differences);
  const paid = margin >= -standardError;
  const significant = pValue < 0.05;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const facts = `${asked.title.charAt(0).toUpperCase()}${asked.title.slice(1)}: ${figure.title} of ${percent(value(asked))} on ${rows} held-out ${figure.rows}; ${rival.title}: ${percent(value(rival))}.`;
  const verdict = !paid
    ? "The prompt doesn't pay here."
    : !significant
      ? `That is no more than noise: these ${figure.rows} can't tell the two apart.`
      : margin > 0
        ? "A paired test calls the difference more than noise: the prompt pays."
        : "A paired test calls the difference more than noise.";
  return {
    best: margin >= 0 ? asked.name : rival.name,
    margin,
    significant,
    pValue,
    paid,
    words: `${facts} ${verdict}`,
  };
}

/**
 * Wilcoxon's signed ranks (1945) by their normal approximation with ties, two-sided: few rows, of no known distribution.
 *
 * @returns standardError of the mean difference
 */
function pairedTest(differences: readonly number[]): { standardError: number; pValue: number } {
  const n = differences.length;
  const mean = differences.reduce((sum, each) => sum + each, 0) / Math.max(1, n);
  const square = differences.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  const standardError = n < 2 ? Number.POSITIVE_INFINITY : Math.sqrt(square / (n - 1) / n);
  const unequal = differences.filter((each) => each !== 0).sort((a, b) => Math.abs(a) - Math.abs(b));
  let [plus, squares] = [0, 0];
  for (let from = 0; from < unequal.length; ) {
    let to = from;
    while (to < unequal.length && Math.abs(unequal[to]!) === Math.abs(unequal[from]!)) to++;
    const rank = (from + 1 + to) / 2;
    for (let at = from; at < to; at++) {
      if (unequal[at]! > 0) plus += rank;
      squares += rank ** 2;
    }
    from = to;
  }
  const count = unequal.length;
  if (count < 6) return { standardError, pValue: 1 };
  const deviation = Math.abs(plus - (count * (count + 1)) / 4);
  const z = Math.max(0, deviation - 0.5) / Math.sqrt(squares / 4);
  return { standardError, pValue: Math.min(1, 2 * (1 - normal(z))) };
}

/** Of the standard normal distribution (Abramowitz and Stegun, 26.2.17). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const tail =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - density * tail;
}
