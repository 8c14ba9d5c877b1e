/** Rows whose predicted class is the expected one. */
export function countRight(expected: Int32Array, predicted: Int32Array): number {
  return expected.reduce((sum, label, row) => sum + (label === predicted[row] ? 1 : 0), 0);
}
