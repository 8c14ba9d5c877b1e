/**
 * Of a vector the numbers [columns] by which the columns' sum comes closest to it; of several such the shortest, but for a ridge of
 * 1e-9 of the columns' mean square, which is also what keeps columns that depend on one another from dividing by zero.
 *
 * @param columns at least one, all of the vector's length; what is made of them is kept for any number of vectors
 */
export function leastSquares(columns: readonly Float64Array[]): (wanted: Float64Array) => Float64Array {
  const n = columns.length;
  // Normal equations, by Cholesky: `rows` is lower triangular.
  const rows = columns.map((own, row) =>
    Float64Array.from({ length: row + 1 }, (_, column) => product(own, columns[column] as Float64Array)),
  );
  const ridge = (1e-9 * rows.reduce((sum, own, row) => sum + (own[row] as number), 0)) / n;
  for (let row = 0; row < n; row++) {
    const own = rows[row] as Float64Array;
    own[row]! += ridge;
    for (let column = 0; column <= row; column++) {
      const other = rows[column] as Float64Array;
      let rest = own[column] as number;
      for (let k = 0; k < column; k++) rest -= (own[k] as number) * (other[k] as number);
      own[column] = row === column ? Math.sqrt(Math.max(rest, ridge)) : rest / (other[column] as number);
    }
  }
  return (wanted) => {
    const x = Float64Array.from(columns, (own) => product(own, wanted));
    for (let row = 0; row < n; row++) {
      const own = rows[row] as Float64Array;
      for (let k = 0; k < row; k++) x[row]! -= (own[k] as number) * (x[k] as number);
      x[row]! /= own[row] as number;
    }
    for (let row = n - 1; row >= 0; row--) {
      for (let k = row + 1; k < n; k++)
        x[row]! -= ((rows[k] as Float64Array)[row] as number) * (x[k] as number);
      x[row]! /= (rows[row] as Float64Array)[row] as number;
    }
    return x;
  };
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}
