import type { FiguresEvaluation, FiguresScore } from "@kilotune/contract";
import { scoreValues } from "@kilotune/tuner";
import { judgeRows } from "../judge-rows.ts";
import type { Judged, Judgement } from "../task.ts";

/** What was said of a row that has a number. */
export interface ValueOutcome {
  readonly row: string;
  readonly expected: number;
  readonly answered: number;
}

export function scoreNumbers(outcomes: readonly ValueOutcome[]): FiguresScore {
  return { rows: outcomes.length, main: "r2", figures: { ...scored(outcomes) } };
}

function scored(outcomes: readonly ValueOutcome[]) {
  const { r2, spearman, pearson, mae } = scoreValues(
    outcomes.map(({ expected }) => expected),
    outcomes.map(({ answered }) => answered),
  );
  return { r2, spearman, pearson, mae };
}

/** Compared row by row, by the share of the variance that each error leaves. */
export function judgeNumbers(
  asked: Judged<ValueOutcome>,
  rivals: readonly Judged<ValueOutcome>[],
): Judgement {
  const values = asked.outcomes.map(({ expected }) => expected);
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
  return judgeRows(asked, rivals, {
    title: "share of the variance explained (R²)",
    rows: "texts",
    of: (outcomes) => scored(outcomes).r2,
    ofRow: ({ expected, answered }) => (variance === 0 ? 0 : 1 - (answered - expected) ** 2 / variance),
  });
}

/** Everything that the report says about answers. */
export function numberFindings(outcomes: readonly ValueOutcome[]): FiguresEvaluation {
  const byError = [...outcomes].sort((a, b) => errorOf(b) - errorOf(a));
  return {
    rows: outcomes.length,
    figures: Object.entries(scored(outcomes)).map(([name, value]) => ({ name, value })),
    tables: [
      {
        title: "Answers by value",
        about: "Rows by what is true of them, a quarter each: answers that lie nearer the middle are unsure.",
        columns: ["values", "mean value", "mean answer", "mean error", "rows"],
        rows: quarters(outcomes).map((part) => {
          const mean = (of: (outcome: ValueOutcome) => number) =>
            part.reduce((sum, outcome) => sum + of(outcome), 0) / part.length;
          const [first, last] = [part[0] as ValueOutcome, part.at(-1) as ValueOutcome];
          return [
            `${inWords(first.expected)} to ${inWords(last.expected)}`,
            mean(({ expected }) => expected),
            mean(({ answered }) => answered),
            mean(errorOf),
            part.length,
          ];
        }),
      },
    ],
    mistakes: byError.slice(0, MISTAKES).map(({ row, expected, answered }) => ({
      text: row,
      wanted: inWords(expected),
      given: inWords(answered),
    })),
  };
}

const MISTAKES = 40;

function errorOf({ expected, answered }: ValueOutcome): number {
  return Math.abs(answered - expected);
}

function quarters(outcomes: readonly ValueOutcome[]): ValueOutcome[][] {
  const sorted = [...outcomes].sort((a, b) => a.expected - b.expected);
  const edges = [0, 1, 2, 3, 4].map((quarter) => Math.round((quarter * sorted.length) / 4));
  return [0, 1, 2, 3]
    .map((quarter) => sorted.slice(edges[quarter], edges[quarter + 1]))
    .filter((part) => part.length > 0);
}

/** Digits enough to tell values apart, none that say nothing. */
function inWords(value: number): string {
  return String(Number(value.toPrecision(4)));
}
