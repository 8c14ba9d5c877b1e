import type { FiguresEvaluation, FiguresScore } from "@kilotune/contract";
import { type RankedQuery, rankQueries } from "@kilotune/tuner";
import { judgeRows } from "../judge-rows.ts";
import type { Judged, Judgement } from "../task.ts";

/** Where a query's own text stands among all that could be found. */
export interface RankOutcome {
  readonly query: string;
  readonly positive: string;
  readonly ranked: Pick<RankedQuery, "averagePrecision" | "firstRight">;
  /** What it found first. */
  readonly found: string;
}

/** Rows to be found and to find: row r's query has the text r, its positive the text rows + r. */
export interface Findable {
  readonly queries: readonly string[];
  readonly positives: readonly string[];
  /** Of each row; rows of one answer one another's queries. */
  readonly groups: Int32Array;
}

/** The first so many count. */
export const FIRST = 10;

/** Each query ranks the positives of all rows, each once. @param vectors unit vectors of queries, then positives */
export function outcomesOfVectors(
  { queries, positives, groups }: Findable,
  vectors: Float32Array,
): RankOutcome[] {
  const count = queries.length;
  const width = vectors.length / Math.max(1, 2 * count);
  const once = [...new Map(positives.map((text, row) => [text, row])).values()];
  const pool = new Float32Array(once.length * width);
  once.forEach((row, at) => {
    pool.set(vectors.subarray((count + row) * width, (count + row + 1) * width), at * width);
  });
  const ranked = rankQueries(
    { queries: vectors.subarray(0, count * width), found: pool },
    { queries: groups, found: once.map((row) => groups[row] as number) },
    width,
    FIRST,
  );
  return ranked.map((own, row) => ({
    query: queries[row] as string,
    positive: positives[row] as string,
    ranked: own,
    found: positives[once[own.nearest[0] as number] as number] as string,
  }));
}

export function scoreRanks(outcomes: readonly RankOutcome[]): FiguresScore {
  return { rows: outcomes.length, main: "map10", figures: figuresOf(outcomes) };
}

function figuresOf(outcomes: readonly RankOutcome[]) {
  const mean = (of: (outcome: RankOutcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + of(outcome), 0) / Math.max(1, outcomes.length);
  const within = (k: number) => mean(({ ranked }) => (ranked.firstRight <= k ? 1 : 0));
  return {
    map10: mean(({ ranked }) => ranked.averagePrecision),
    recall10: within(10),
    recall5: within(5),
    recall1: within(1),
  };
}

export function judgeRanks(asked: Judged<RankOutcome>, rivals: readonly Judged<RankOutcome>[]): Judgement {
  return judgeRows(asked, rivals, {
    title: `mean average precision at ${FIRST}`,
    rows: "queries",
    of: (outcomes) => figuresOf(outcomes).map10,
    ofRow: ({ ranked }) => ranked.averagePrecision,
  });
}

export function rankFindings(outcomes: readonly RankOutcome[]): FiguresEvaluation {
  const texts = new Set(outcomes.map(({ positive }) => positive)).size;
  const wrong = outcomes
    .filter(({ ranked }) => ranked.firstRight > 1)
    .sort((a, b) => b.ranked.firstRight - a.ranked.firstRight);
  const places = [1, 2, 3, 5, FIRST];
  return {
    rows: outcomes.length,
    figures: Object.entries(figuresOf(outcomes)).map(([name, value]) => ({ name, value })),
    tables: [
      {
        title: "Where the right text stands",
        about: `Each query ranks ${texts} texts: those of these rows, each once. The more there are, the harder it is.`,
        columns: ["among the first", "queries", "share"],
        rows: places.map((place) => {
          const found = outcomes.filter(({ ranked }) => ranked.firstRight <= place).length;
          return [String(place), found, found / Math.max(1, outcomes.length)];
        }),
      },
    ],
    mistakes: wrong
      .slice(0, MISTAKES)
      .map(({ query, positive, found }) => ({ text: query, wanted: positive, given: found })),
  };
}

const MISTAKES = 40;
