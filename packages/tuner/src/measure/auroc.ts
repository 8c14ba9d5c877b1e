/**
 * The chance that one of the positives scores above one of the negatives, ties counting half: the area under the ROC curve
 * (Mann and Whitney's U). 0.5 is a coin. NaN where either is empty.
 */
export function auroc(positives: ArrayLike<number>, negatives: ArrayLike<number>): number {
  const all = [
    ...Array.from(positives, (score) => ({ score, positive: true })),
    ...Array.from(negatives, (score) => ({ score, positive: false })),
  ].sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]?.score === all[start]?.score) end++;
    // Ranks from 1; equal scores share their mean.
    const rank = (start + 1 + end) / 2;
    for (let at = start; at < end; at++) if (all[at]?.positive) ranks += rank;
    start = end;
  }
  const [p, n] = [positives.length, negatives.length];
  return (ranks - (p * (p + 1)) / 2) / (p * n);
}
