/** Unit class means of unit vectors: the nearest-class-mean classifier, and where the prototypes start. [classes, H] flat */
export function classMeans(
  vectors: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
  hiddenSize: number,
  weights?: ArrayLike<number>,
): Float32Array {
  const means = new Float32Array(classes * hiddenSize);
  for (let row = 0; row < labels.length; row++) {
    const to = (labels[row] as number) * hiddenSize;
    const weight = weights?.[row] ?? 1;
    for (let at = 0; at < hiddenSize; at++) {
      means[to + at] = (means[to + at] as number) + weight * (vectors[row * hiddenSize + at] as number);
    }
  }
  return normalizeRows(means, hiddenSize);
}

/** Scales each row to length one, in place; an all-zero row stays. */
export function normalizeRows(matrix: Float32Array, width: number): Float32Array {
  for (let start = 0; start < matrix.length; start += width) {
    let squares = 0;
    for (let at = start; at < start + width; at++) squares += (matrix[at] as number) ** 2;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let at = start; at < start + width; at++) matrix[at] = (matrix[at] as number) * scale;
  }
  return matrix;
}
