import { type ResizeMethod, resizeMatrix } from "@kilotune/engine";

type Grid = readonly [rows: number, columns: number];

/**
 * Positions [rows * columns, H] of the grid that a checkpoint was trained on -> of another grid, by the cubic
 * interpolation that transformers uses; the same grid stays as it is to the last bit.
 */
export function stretchPositions(
  table: Float32Array,
  from: Grid,
  to: Grid,
  { antialias }: { antialias: boolean },
): Float32Array {
  if (from[0] === to[0] && from[1] === to[1]) return table;
  const method: ResizeMethod = {
    mode: "cubic",
    coordinates: "half_pixel",
    nearest: "floor",
    // PyTorch's own two: Keys' with -3/4 without antialiasing, with -1/2 and without the outside with it.
    cubicA: antialias ? -0.5 : -0.75,
    antialias,
    excludeOutside: antialias,
  };
  const width = table.length / (from[0] * from[1]);
  const rows = along(
    Float64Array.from(table),
    1,
    from[0],
    from[1] * width,
    resizeMatrix(from[0], to[0], method),
  );
  const both = along(rows, to[0], from[1], width, resizeMatrix(from[1], to[1], method));
  return Float32Array.from(both);
}

/** x [outer, from, inner] -> [outer, to, inner] by a matrix [to, from] */
function along(
  x: Float64Array,
  outer: number,
  from: number,
  inner: number,
  matrix: Float64Array,
): Float64Array {
  const to = matrix.length / from;
  const out = new Float64Array(outer * to * inner);
  for (let o = 0; o < outer; o++)
    for (let row = 0; row < to; row++)
      for (let column = 0; column < from; column++) {
        const weight = matrix[row * from + column] as number;
        if (weight === 0) continue;
        const [into, at] = [(o * to + row) * inner, (o * from + column) * inner];
        for (let i = 0; i < inner; i++)
          out[into + i] = (out[into + i] as number) + weight * (x[at + i] as number);
      }
  return out;
}
