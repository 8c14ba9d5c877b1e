/** How well numbers were answered; the correlations are 0 where one side is constant. */
export interface ValueScore {
  /** Share of the values' variance that the answers explain: 1 is perfect, 0 is the mean of the values, less is worse. */
  readonly r2: number;
  readonly pearson: number;
  /** Pearson's of the ranks, equal ones sharing theirs. */
  readonly spearman: number;
  /** Mean of the errors' sizes, in the unit of the values. */
  readonly mae: number;
}

export function scoreValues(expected: ArrayLike<number>, answered: ArrayLike<number>): ValueScore {
  const n = expected.length;
  if (n === 0) return { r2: 0, pearson: 0, spearman: 0, mae: 0 };
  const [a, b] = [Float64Array.from(expected), Float64Array.from(answered)];
  const mean = a.reduce((sum, value) => sum + value, 0) / n;
  const total = a.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const errors = a.map((value, row) => b[row]! - value);
  const squares = errors.reduce((sum, error) => sum + error ** 2, 0);
  return {
    r2: total === 0 ? 0 : 1 - squares / total,
    pearson: pearson(a, b),
    spearman: pearson(ranks(a), ranks(b)),
    mae: errors.reduce((sum, error) => sum + Math.abs(error), 0) / n,
  };
}

function pearson(a: Float64Array, b: Float64Array): number {
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, squaresA, squaresB] = [0, 0, 0];
  a.forEach((value, row) => {
    const [x, y] = [value - meanA, b[row]! - meanB];
    both += x * y;
    squaresA += x * x;
    squaresB += y * y;
  });
  return squaresA === 0 || squaresB === 0 ? 0 : both / Math.sqrt(squaresA * squaresB);
}

function ranks(values: Float64Array): Float64Array {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const ranked = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let at = from; at < to; at++) ranked[order[at]!] = (from + to - 1) / 2;
    from = to;
  }
  return ranked;
}
