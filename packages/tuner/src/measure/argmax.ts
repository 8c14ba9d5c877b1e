/** Index of the largest of each row's `width` numbers; the first of equals. */
export function argmaxRows(scores: Float32Array, width: number): Int32Array {
  return Int32Array.from({ length: scores.length / width }, (_, row) => {
    let best = 0;
    for (let at = 1; at < width; at++) {
      if ((scores[row * width + at] as number) > (scores[row * width + best] as number)) best = at;
    }
    return best;
  });
}
