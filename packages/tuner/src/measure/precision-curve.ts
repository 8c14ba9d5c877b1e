/** How a score ranks rows: precision over recall (Davis and Goadrich, 2006), from the surest row on. */
export interface PrecisionCurve {
  /** Mean over what is wanted of the precision down to it; rows of equal scores count as one step. */
  readonly averagePrecision: number;
  /** Precision at a recall of 0, 0.01 .. 1: the best still to be had there. */
  readonly curve: readonly number[];
}

/** @param wanted 1 or 0 of each row. @returns null where no row is wanted */
export function precisionCurve(wanted: ArrayLike<number>, scores: ArrayLike<number>): PrecisionCurve | null {
  const rows = Array.from(wanted, (is, row) => ({ is, score: scores[row] as number })).sort(
    (a, b) => b.score - a.score,
  );
  const all = rows.reduce((sum, { is }) => sum + is, 0);
  if (all === 0) return null;
  const steps: { readonly recall: number; readonly precision: number }[] = [];
  let [found, averagePrecision, before] = [0, 0, 0];
  rows.forEach(({ is, score }, at) => {
    found += is;
    if (rows[at + 1]?.score === score) return;
    const step = { recall: found / all, precision: found / (at + 1) };
    averagePrecision += (step.recall - before) * step.precision;
    before = step.recall;
    steps.push(step);
  });
  const curve = new Array<number>(101).fill(0);
  let [at, best] = [steps.length - 1, 0];
  for (let percent = 100; percent >= 0; percent--) {
    for (; at >= 0 && steps[at]!.recall >= percent / 100 - 1e-12; at--)
      best = Math.max(best, steps[at]!.precision);
    curve[percent] = best;
  }
  return { averagePrecision, curve };
}
