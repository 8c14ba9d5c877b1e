/**
 * McNemar's exact test (1947): whether two classifiers differ on the same rows beyond noise. Only the rows that exactly
 * one of them got right count; under no difference each is a fair coin.
 *
 * @returns rows that only a, only b got right, and the two-sided p-value
 */
export function mcnemar(
  expected: Int32Array,
  a: Int32Array,
  b: Int32Array,
): { onlyA: number; onlyB: number; pValue: number } {
  let onlyA = 0;
  let onlyB = 0;
  expected.forEach((label, row) => {
    const rightA = a[row] === label;
    const rightB = b[row] === label;
    if (rightA && !rightB) onlyA++;
    if (rightB && !rightA) onlyB++;
  });
  return { onlyA, onlyB, pValue: signTest(Math.min(onlyA, onlyB), onlyA + onlyB) };
}

/** Two-sided probability of at most `fewer` heads, or as extreme the other way, in n tosses of a fair coin. */
function signTest(fewer: number, n: number): number {
  if (n === 0) return 1;
  // In logarithms: 2^-n alone is 0 for n above 1,074.
  let logTerm = -n * Math.LN2;
  let sum = Math.exp(logTerm);
  for (let heads = 1; heads <= fewer; heads++) {
    logTerm += Math.log((n - heads + 1) / heads);
    sum += Math.exp(logTerm);
  }
  return Math.min(1, 2 * sum);
}
