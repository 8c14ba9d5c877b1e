/** How well sets of labels were answered. F1 of nothing answered where nothing was expected is 0, as scikit-learn has it. */
export interface LabelScore extends LabelCounts {
  readonly precision: number;
  readonly recall: number;
  /** Of all decisions together. */
  readonly microF1: number;
  /** Mean over the labels that appear, expected or answered. */
  readonly macroF1: number;
  /** Share of the rows whose whole set is right. */
  readonly exactMatch: number;
  readonly perLabel: readonly (LabelCounts & {
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
  })[];
}

interface LabelCounts {
  readonly right: number;
  readonly expected: number;
  readonly answered: number;
}

/**
 * @param expected what is true, @param answered what was said: [rows, labels] flat, 0 or 1
 * @param unknown of each row how many of its labels nothing could answer: they count as expected
 */
export function scoreLabels(
  expected: ArrayLike<number>,
  answered: ArrayLike<number>,
  labels: number,
  unknown: ArrayLike<number> = [],
): LabelScore {
  const counts = Array.from({ length: labels }, () => ({ right: 0, expected: 0, answered: 0 }));
  const rows = labels === 0 ? 0 : expected.length / labels;
  let [exact, strangers] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const missed = unknown[row] ?? 0;
    strangers += missed;
    let isExact = missed === 0;
    counts.forEach((count, label) => {
      const [wanted, said] = [
        expected[row * labels + label] as number,
        answered[row * labels + label] as number,
      ];
      count.expected += wanted;
      count.answered += said;
      count.right += wanted * said;
      isExact &&= wanted === said;
    });
    exact += isExact ? 1 : 0;
  }
  const sum = (name: keyof LabelCounts) => counts.reduce((total, count) => total + count[name], 0);
  const all = { right: sum("right"), expected: sum("expected") + strangers, answered: sum("answered") };
  const perLabel = counts.map((count) => ({ ...count, ...ratios(count) }));
  const present = perLabel.filter((label) => label.expected + label.answered > 0);
  const { f1: microF1, precision, recall } = ratios(all);
  return {
    ...all,
    precision,
    recall,
    microF1,
    macroF1: present.reduce((total, { f1 }) => total + f1, 0) / Math.max(1, present.length),
    exactMatch: exact / Math.max(1, rows),
    perLabel,
  };
}

function ratios({ right, expected, answered }: LabelCounts) {
  return {
    precision: right / Math.max(1, answered),
    recall: right / Math.max(1, expected),
    f1: (2 * right) / Math.max(1, expected + answered),
  };
}
