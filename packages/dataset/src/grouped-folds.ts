import { KilotuneError } from "@kilotune/contract";
import { prng } from "./prng.ts";

/**
 * The fold, 0 .. k - 1, in which each row is held out: of each class as evenly as whole groups allow. -1 for rows that are
 * always trained on: of a group without which a class would have no row to learn from. However the rows are held out,
 * every class is learnt.
 *
 * Greedy, as scikit-learn's StratifiedGroupKFold: large groups first, each into the fold that has the least of its classes,
 * of such the smallest. Rows that are groups of their own are dealt as `stratifiedFolds` deals them: neither a class's rows
 * nor the folds' sizes differ by more than one.
 *
 * @param labels one a row, as names or as class numbers
 * @param groups one number a row: rows of the same number are held out together
 * @throws KilotuneError `too_few_groups` where fewer than `k` groups can be held out
 */
export function groupedFolds(
  labels: ArrayLike<string | number>,
  groups: ArrayLike<number>,
  k: number,
  seed: number,
): Int32Array {
  const classes = classNumbers(labels);
  const totals = countsOf(classes);
  const all = inGroups(classes, groups);
  const held = all.filter(({ counts }) => counts.every(([label, rows]) => rows < totals[label]!));
  if (held.length < k) throw tooFew(k, held.length);
  const random = prng(seed, "grouped folds");
  const ordered = random
    .shuffle(held)
    .sort((a, b) => b.rows.length - a.rows.length || a.counts[0]![0] - b.counts[0]![0]);

  const folds = new Int32Array(labels.length).fill(-1);
  const sizes = new Array<number>(k).fill(0);
  /** Rows of each class in each fold. */
  const dealt = Array.from({ length: k }, () => new Int32Array(totals.length));
  for (const { rows, counts } of ordered) {
    let best: { readonly fold: number; readonly cost: number } | undefined;
    for (const [fold, size] of sizes.entries()) {
      const own = dealt[fold]!;
      // It would then hold all rows of a class, and leave it nothing to learn from.
      if (counts.some(([label, more]) => own[label]! + more === totals[label])) continue;
      const cost = counts.reduce((sum, [label, more]) => sum + (more * own[label]!) / totals[label]!, 0);
      const isBetter =
        best === undefined || cost < best.cost || (cost === best.cost && size < sizes[best.fold]!);
      if (isBetter) best = { fold, cost };
    }
    if (best === undefined) continue;
    for (const row of rows) folds[row] = best.fold;
    sizes[best.fold]! += rows.length;
    for (const [label, own] of counts) dealt[best.fold]![label]! += own;
  }
  return folds;
}

export interface Group {
  readonly rows: number[];
  /** Rows of each class that it has, that with the most of them first. */
  counts: (readonly [label: number, rows: number])[];
}

/** In the order of their first rows: what a group is called changes nothing. */
export function inGroups(classes: Int32Array, groups: ArrayLike<number>): Group[] {
  const found = new Map<number, Group>();
  for (let row = 0; row < classes.length; row++) {
    const group = found.get(groups[row] as number);
    if (group === undefined) found.set(groups[row] as number, { rows: [row], counts: [] });
    else group.rows.push(row);
  }
  for (const group of found.values()) {
    const counts = new Map<number, number>();
    for (const row of group.rows) counts.set(classes[row]!, (counts.get(classes[row]!) ?? 0) + 1);
    group.counts = [...counts].sort(([a, rows], [b, more]) => more - rows || a - b);
  }
  return [...found.values()];
}

/** By name, ascending: the order of the rows decides nothing. */
export function classNumbers(labels: ArrayLike<string | number>): Int32Array {
  const names = Array.from(labels, String);
  const numbers = new Map([...new Set(names)].sort().map((name, at) => [name, at]));
  return Int32Array.from(names, (name) => numbers.get(name) as number);
}

export function countsOf(classes: Int32Array): Int32Array {
  const counts = new Int32Array(classes.reduce((most, label) => Math.max(most, label + 1), 0));
  for (const label of classes) counts[label]!++;
  return counts;
}

function tooFew(k: number, seen: number): KilotuneError {
  return new KilotuneError(
    "too_few_groups",
    `expected at least ${k} rows that can be held out, one a fold, saw ${seen}: rows that are nearly the same (or of one patient) count as one, and a class's only row is always learnt from`,
    seen < 2 ? "Label more rows, of more kinds." : `Ask for at most ${seen} folds, or label more rows.`,
  );
}
