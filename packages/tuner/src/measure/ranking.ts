export interface RankingFigures {
  /** Mean over the queries of average precision among the first k, out of as many as could be there. */
  readonly meanAveragePrecision: number;
  /** Share of the queries that find one of their group among the first k. */
  readonly hitRate: number;
  /** Mean share of a query's group among the first k, out of all of it. */
  readonly recall: number;
}

/**
 * How well texts find those of their group: each query ranks all others by cosine, equal ones in their order. Queries whose
 * group has no text are left out.
 *
 * @param vectors unit vectors, [rows, width] flat
 */
export function rankingFigures(
  vectors: { readonly queries: Float32Array; readonly found: Float32Array },
  groups: { readonly queries: ArrayLike<number>; readonly found: ArrayLike<number> },
  width: number,
  k: number,
): RankingFigures {
  const sizes = new Map<number, number>();
  for (let at = 0; at < groups.found.length; at++) {
    const group = groups.found[at] as number;
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  let [precision, hits, recall, counted] = [0, 0, 0, 0];
  for (let query = 0; query < groups.queries.length; query++) {
    const group = groups.queries[query] as number;
    const relevant = sizes.get(group) ?? 0;
    if (relevant === 0) continue;
    counted++;
    const first = nearest(vectors.queries.subarray(query * width, (query + 1) * width), vectors.found, k);
    let right = 0;
    let sum = 0;
    first.forEach((row, at) => {
      if (groups.found[row] === group) sum += ++right / (at + 1);
    });
    precision += sum / Math.min(k, relevant);
    hits += right > 0 ? 1 : 0;
    recall += right / relevant;
  }
  const of = Math.max(1, counted);
  return { meanAveragePrecision: precision / of, hitRate: hits / of, recall: recall / of };
}

/** The k rows with the largest dot product, the largest first. */
function nearest(query: Float32Array, rows: Float32Array, k: number): number[] {
  const best: { row: number; score: number }[] = [];
  const width = query.length;
  for (let row = 0; row * width < rows.length; row++) {
    let score = 0;
    for (let at = 0; at < width; at++) score += (query[at] as number) * (rows[row * width + at] as number);
    if (best.length === k && score <= (best.at(-1) as { score: number }).score) continue;
    let place = best.length;
    while (place > 0 && (best[place - 1] as { score: number }).score < score) place--;
    best.splice(place, 0, { row, score });
    if (best.length > k) best.pop();
  }
  return best.map(({ row }) => row);
}
