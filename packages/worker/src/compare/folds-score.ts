import type { CrossValidated, FoldsScore, Score } from "@kilotune/contract";
import { wilson } from "@kilotune/tuner";

/** Of rows with one label each; null where a fold has no score, since what is left would be of other rows than the rest's. */
export function foldsScore({
  scores,
  deviation,
}: Pick<CrossValidated, "scores" | "deviation">): FoldsScore | null {
  const known = scores.filter(isOfClasses);
  if (known.length === 0 || known.length < scores.length) return null;
  const rows = known.reduce((sum, score) => sum + score.rows, 0);
  const right = known.reduce((sum, { rows, accuracy }) => sum + Math.round(rows * accuracy), 0);
  return {
    rows,
    accuracy: right / rows,
    macroF1: known.reduce((sum, { macroF1 }) => sum + macroF1, 0) / known.length,
    interval: wilson(right, rows),
    folds: known.length,
    deviation,
  };
}

function isOfClasses(score: Score | null): score is Extract<Score, { accuracy: number }> {
  return score !== null && "accuracy" in score;
}
