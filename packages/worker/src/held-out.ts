import { stratifiedFolds, stratifiedSplit } from "@kilotune/dataset";
import type { PreparedRows } from "./prepare.ts";

/** One way to hold rows out: learn on some, measure on others that were not learnt from. */
export interface Fold {
  readonly train: PreparedRows;
  readonly heldOut: PreparedRows;
}

export interface HeldOut {
  readonly folds: readonly Fold[];
  /** For people. */
  readonly source: string;
}

/**
 * The rows that choose epochs and verdict: the user's validation file, else a fifth of the training rows; where there are
 * so few that a fifth says nothing, five folds, so that every row is held out once.
 */
export function holdOut(train: PreparedRows, validation: PreparedRows | undefined, seed: number): HeldOut {
  if (validation !== undefined) {
    const known = indices(validation.labels).filter((row) => (validation.labels[row] as number) >= 0);
    return { folds: [{ train, heldOut: pick(validation, known) }], source: validation.name };
  }
  const rows = train.labels.length;
  if (rows > FEW_ROWS) {
    // A tenth of many rows is plenty, and more than 2,000 only costs time.
    const fraction = rows > 2000 ? Math.min(0.1, 2000 / rows) : 0.2;
    const split = stratifiedSplit(train.labels, fraction, seed);
    const fold = { train: pick(train, split.train), heldOut: pick(train, split.heldOut) };
    return { folds: [fold], source: `${Math.round(100 * fraction)} % of ${train.name}, held out` };
  }
  const folds = stratifiedFolds(train.labels, FOLDS, seed);
  const numbers = [...new Set(folds)].filter((fold) => fold >= 0);
  return {
    folds: numbers.map((fold) => ({
      train: pick(
        train,
        indices(folds).filter((row) => folds[row] !== fold),
      ),
      heldOut: pick(
        train,
        indices(folds).filter((row) => folds[row] === fold),
      ),
    })),
    source:
      numbers.length === 0
        ? "none: every class has one row"
        : `${numbers.length}-fold cross-validation of ${train.name}`,
  };
}

const FEW_ROWS = 200;
const FOLDS = 5;

/** Some rows of a file; nothing is computed again. */
export function pick(rows: PreparedRows, wanted: readonly number[]): PreparedRows {
  const hiddenSize = rows.vectors.length / Math.max(1, rows.labels.length);
  const vectors = new Float32Array(wanted.length * hiddenSize);
  wanted.forEach((row, at) => {
    vectors.set(rows.vectors.subarray(row * hiddenSize, (row + 1) * hiddenSize), at * hiddenSize);
  });
  return {
    name: rows.name,
    texts: wanted.map((row) => rows.texts[row] as string),
    labels: Int32Array.from(wanted, (row) => rows.labels[row] as number),
    store: rows.store.subset(wanted),
    vectors,
    truncatedRows: rows.truncatedRows,
  };
}

function indices(values: ArrayLike<unknown>): number[] {
  return Array.from({ length: values.length }, (_, at) => at);
}
