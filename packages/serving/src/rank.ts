export interface Score {
  readonly label: string;
  /** Calibrated probability, 0..1. */
  readonly score: number;
}

/** All labels, the likeliest first; equal ones in the order of `labels`. */
export function rank(labels: readonly string[], logits: Float64Array, temperature: number): Score[] {
  return rankBy(labels, logits, softmax(logits, temperature));
}

/** The same with scores of the caller's, which rise with the logits. */
export function rankBy(labels: readonly string[], logits: Float64Array, scores: Float64Array): Score[] {
  return (
    labels
      .map((label, c) => ({ label, score: scores[c]!, logit: logits[c]! }))
      // By logits: far below the best, unequal ones have the same probability, 0. The sort is stable.
      .sort((a, b) => b.logit - a.logit)
      .map(({ label, score }) => ({ label, score }))
  );
}

/** softmax(logits / temperature); no logit is too large for it. */
export function softmax(logits: Float64Array, temperature: number): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp((logit - largest) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
