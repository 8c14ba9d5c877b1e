import { isCodedError } from "@kilotune/contract";
import { groupedFolds, groupedSplit, type Split, stratifiedFolds, stratifiedSplit } from "@kilotune/dataset";
import type { TuneJob } from "./job.ts";
import type { JobData, RowsOf } from "./task.ts";

/** One way to hold rows out: learn on some, measure on others that were not learnt from. */
export interface Fold<Rows> {
  readonly train: Rows;
  readonly heldOut: Rows;
}

export interface HeldOut<Rows> {
  readonly folds: readonly Fold<Rows>[];
  /** For people. */
  readonly source: string;
}

/**
 * Which training rows no held-out part of them may cut apart; undefined where no row has one like it, where a validation file
 * is what chooses, and of a receipt of before.
 */
export function groupsOf(
  { together }: Pick<TuneJob, "together">,
  data: Pick<JobData<RowsOf>, "validation" | "together">,
): Int32Array | undefined {
  if (together === false || data.validation !== undefined) return undefined;
  const groups = data.together();
  return new Set(groups).size < groups.length ? groups : undefined;
}

/**
 * The rows that choose epochs and verdict: the user's validation file, else a fifth of the training rows; where there are
 * so few that a fifth says nothing, five folds, so that every row is held out once.
 *
 * @param groups see `groupsOf`: what is learnt from then tells nothing of what is held out. Parted all the same where whole
 * groups would leave less than half as many rows to hold out: better a verdict that is too kind than none.
 */
export function holdOut<Rows extends RowsOf>(
  train: Rows,
  validation: Rows | undefined,
  seed: number,
  { strataOf, pick, folds: few = FOLDS }: Holding<Rows>,
  groups?: Int32Array,
): HeldOut<Rows> {
  if (validation !== undefined) {
    const strata = strataOf(validation);
    const known = indices(strata).filter((row) => (strata[row] as number) >= 0);
    return { folds: [{ train, heldOut: pick(validation, known) }], source: validation.name };
  }
  if (train.count > FEW_ROWS || few < 2) {
    // A tenth of many rows is plenty, and more than 2,000 only costs time.
    const fraction = train.count > 2000 ? Math.min(0.1, 2000 / train.count) : 0.2;
    const split = splitOf(strataOf(train), fraction, seed, groups);
    const fold = { train: pick(train, split.train), heldOut: pick(train, split.heldOut) };
    return { folds: [fold], source: `${Math.round(100 * fraction)} % of ${train.name}, held out` };
  }
  const folds = foldsOf(strataOf(train), few, seed, groups);
  const numbers = [...new Set(folds)].filter((fold) => fold >= 0);
  return {
    folds: numbers.map((fold) => partedBy(folds, fold, train, pick)),
    source:
      numbers.length === 0
        ? "none: every class has one row"
        : `${numbers.length}-fold cross-validation of ${train.name}`,
  };
}

function splitOf(strata: Int32Array, fraction: number, seed: number, groups: Int32Array | undefined): Split {
  const plain = stratifiedSplit(strata, fraction, seed);
  if (groups === undefined) return plain;
  const whole = groupedSplit(strata, groups, fraction, seed);
  return 2 * whole.heldOut.length < plain.heldOut.length ? plain : whole;
}

function foldsOf(strata: Int32Array, few: number, seed: number, groups: Int32Array | undefined): Int32Array {
  const plain = stratifiedFolds(strata, few, seed);
  if (groups === undefined) return plain;
  const held = (folds: Int32Array) => folds.filter((fold) => fold >= 0).length;
  try {
    const whole = groupedFolds(strata, groups, few, seed);
    return 2 * held(whole) < held(plain) ? plain : whole;
  } catch (error) {
    if (isCodedError(error) && error.code === "too_few_groups") return plain;
    throw error;
  }
}

/**
 * As many folds as are asked for, whose rows have nothing to do with one another.
 * @param together a number of each row: rows of the same number aren't parted
 * @throws KilotuneError `too_few_groups`
 */
export function crossFolds<Rows extends RowsOf>(
  train: Rows,
  together: Int32Array,
  count: number,
  seed: number,
  { strataOf, pick }: Holding<Rows>,
): CrossFold<Rows>[] {
  const folds = groupedFolds(strataOf(train), together, count, seed);
  return Array.from({ length: count }, (_, fold) => ({
    ...partedBy(folds, fold, train, pick),
    together: together.filter((_, row) => folds[row] !== fold),
  }));
}

export interface CrossFold<Rows> extends Fold<Rows> {
  /** Of the rows to learn from. */
  readonly together: Int32Array;
}

export interface Holding<Rows> {
  /** What is held out in equal shares: a row's class. Of a validation file's rows those below 0 are left out. */
  strataOf(rows: Rows): Int32Array;
  /** Some rows of a file; nothing is computed again. */
  pick(rows: Rows, wanted: readonly number[]): Rows;
  /** Of few rows; 5 where left out. 1 holds out a fifth of them, where a run takes too long to repeat it. */
  readonly folds?: number;
}

const FEW_ROWS = 200;
const FOLDS = 5;

function partedBy<Rows>(
  folds: Int32Array,
  fold: number,
  rows: Rows,
  pick: Holding<Rows>["pick"],
): Fold<Rows> {
  const those = (isWanted: (of: number) => boolean) =>
    pick(
      rows,
      indices(folds).filter((row) => isWanted(folds[row] as number)),
    );
  return { train: those((of) => of !== fold), heldOut: those((of) => of === fold) };
}

function indices(values: ArrayLike<unknown>): number[] {
  return Array.from({ length: values.length }, (_, at) => at);
}
