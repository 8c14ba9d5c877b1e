export interface RankingFigures {
  /** Mean over the queries of average precision among the first k, out of as many as could be there. */
  readonly meanAveragePrecision: number;
  /** Share of the queries that find one of their group among the first k. */
  readonly hitRate: number;
  /** Mean share of a query's group among the first k, out of all of it. */
  readonly recall: number;
}

/** How one query's group was found. */
export interface RankedQuery {
  /** Among the first k, out of as many as could be there. */
  readonly averagePrecision: number;
  /** Place of the first of its group, from 1; Infinity where none is among the first k. */
  readonly firstRight: number;
  /** Share of its group among the first k. */
  readonly recall: number;
  /** Those that it found, the nearest first. */
  readonly nearest: readonly number[];
}

/**
 * How well texts find those of their group: each query ranks all others by cosine, equal ones in their order. A query whose
 * group has no text finds nothing.
 *
 * @param vectors unit vectors, [rows, width] flat
 */
export function rankQueries(
  vectors: { readonly queries: Float32Array; readonly found: Float32Array },
  groups: { readonly queries: ArrayLike<number>; readonly found: ArrayLike<number> },
  width: number,
  k: number,
): RankedQuery[] {
  const sizes = sizesOf(groups.found);
  return Array.from({ length: groups.queries.length }, (_, query) => {
    const group = groups.queries[query] as number;
    const relevant = sizes.get(group) ?? 0;
    const first = nearest(vectors.queries.subarray(query * width, (query + 1) * width), vectors.found, k);
    let [right, sum] = [0, 0];
    let firstRight = Number.POSITIVE_INFINITY;
    first.forEach((row, at) => {
      if (groups.found[row] !== group) return;
      sum += ++right / (at + 1);
      firstRight = Math.min(firstRight, at + 1);
    });
    const averagePrecision = sum / Math.max(1, Math.min(k, relevant));
    return { averagePrecision, firstRight, recall: right / Math.max(1, relevant), nearest: first };
  });
}

/** Means over the queries; those whose group has no text are left out. */
export function rankingFigures(
  vectors: { readonly queries: Float32Array; readonly found: Float32Array },
  groups: { readonly queries: ArrayLike<number>; readonly found: ArrayLike<number> },
  width: number,
  k: number,
): RankingFigures {
  const sizes = sizesOf(groups.found);
  const ranked = rankQueries(vectors, groups, width, k).filter((_, query) =>
    sizes.has(groups.queries[query] as number),
  );
  const mean = (of: (query: RankedQuery) => number) =>
    ranked.reduce((sum, query) => sum + of(query), 0) / Math.max(1, ranked.length);
  return {
    meanAveragePrecision: mean(({ averagePrecision }) => averagePrecision),
    hitRate: mean(({ firstRight }) => (firstRight <= k ? 1 : 0)),
    recall: mean(({ recall }) => recall),
  };
}

function sizesOf(groups: ArrayLike<number>): ReadonlyMap<number, number> {
  const sizes = new Map<number, number>();
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at] as number;
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  return sizes;
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
