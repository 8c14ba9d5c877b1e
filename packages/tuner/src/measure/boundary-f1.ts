/**
 * How well the edge of a mask is drawn: the F1 of its boundary pixels that lie within a few pixels of the other mask's
 * (Perazzi et al., CVPR 2016, "contour accuracy" of DAVIS). 1 where neither has an edge, 0 where only one has.
 *
 * @param truth, answer [height, width] row after row; any number but 0 is in
 * @param tolerance in pixels; by default 0.8 % of the diagonal, rounded up, as DAVIS has it
 */
export function boundaryF1(
  truth: ArrayLike<number>,
  answer: ArrayLike<number>,
  width: number,
  height: number,
  tolerance = Math.ceil(0.008 * Math.hypot(width, height)),
): number {
  const [wanted, given] = [truth, answer].map((mask) => boundary(mask, width, height)) as [
    Uint8Array,
    Uint8Array,
  ];
  const [wantedPixels, givenPixels] = [countOf(wanted), countOf(given)];
  if (wantedPixels === 0 || givenPixels === 0) return wantedPixels === givenPixels ? 1 : 0;
  const precision = near(given, wanted, width, height, tolerance) / givenPixels;
  const recall = near(wanted, given, width, height, tolerance) / wantedPixels;
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

/** Pixels that differ from the one to the right, below or diagonally below. */
function boundary(mask: ArrayLike<number>, width: number, height: number): Uint8Array {
  const inside = (x: number, y: number) =>
    mask[Math.min(y, height - 1) * width + Math.min(x, width - 1)] !== 0;
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const here = inside(x, y);
    return Number(here !== inside(x + 1, y) || here !== inside(x, y + 1) || here !== inside(x + 1, y + 1));
  });
}

/** How many of `pixels` have one of `others` at most `tolerance` away. */
function near(
  pixels: Uint8Array,
  others: Uint8Array,
  width: number,
  height: number,
  tolerance: number,
): number {
  const distances = squaredDistances(others, width, height);
  return pixels.reduce((sum, pixel, i) => sum + Number(pixel !== 0 && distances[i]! <= tolerance ** 2), 0);
}

/** To the nearest pixel that is set: first along the columns, then by the lower hull of parabolas along the rows
 * (Felzenszwalb and Huttenlocher, 2012). */
function squaredDistances(pixels: Uint8Array, width: number, height: number): Float64Array {
  const far = width ** 2 + height ** 2;
  const squared = new Float64Array(width * height);
  for (let x = 0; x < width; x++) {
    let away = far;
    const down = (y: number) => {
      away = pixels[y * width + x] !== 0 ? 0 : away + 1;
      return Math.min(far, away ** 2);
    };
    for (let y = 0; y < height; y++) squared[y * width + x] = down(y);
    away = far;
    for (let y = height - 1; y >= 0; y--) squared[y * width + x] = Math.min(squared[y * width + x]!, down(y));
  }
  const row = new Float64Array(width);
  const [centres, starts] = [new Int32Array(width), new Float64Array(width)];
  for (let y = 0; y < height; y++) {
    row.set(squared.subarray(y * width, (y + 1) * width));
    let last = -1;
    for (let x = 0; x < width; x++) {
      let start = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const other = centres[last]!;
        start = (row[x]! + x ** 2 - row[other]! - other ** 2) / (2 * (x - other));
        if (start > starts[last]!) break;
        last--;
        start = Number.NEGATIVE_INFINITY;
      }
      centres[++last] = x;
      starts[last] = start;
    }
    for (let x = width - 1; x >= 0; x--) {
      while (starts[last]! > x) last--;
      squared[y * width + x] = (x - centres[last]!) ** 2 + row[centres[last]!]!;
    }
  }
  return squared;
}

function countOf(mask: Uint8Array): number {
  return mask.reduce((sum, value) => sum + value, 0);
}
