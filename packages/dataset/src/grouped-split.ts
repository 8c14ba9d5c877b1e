import type { Split } from "./draw.ts";
import { classNumbers, countsOf, type Group, inGroups } from "./grouped-folds.ts";
import { prng } from "./prng.ts";

/**
 * As `stratifiedSplit`, of whole groups: `fraction` of every class as near as they allow and not more, yet of each class a
 * group where another one is left to learn from. A class whose rows are all of one group stays in train.
 *
 * @param labels one a row, as names or as class numbers
 * @param groups one number a row: rows of the same number are on one side
 */
export function groupedSplit(
  labels: ArrayLike<string | number>,
  groups: ArrayLike<number>,
  fraction: number,
  seed: number,
): Split {
  const classes = classNumbers(labels);
  const totals = countsOf(classes);
  const wanted = totals.map((rows) => Math.min(rows - 1, Math.max(1, Math.round(rows * fraction))));
  const held = new Int32Array(totals.length);
  const out = new Set<Group>();
  const holdOut = (group: Group) => {
    out.add(group);
    for (const [label, rows] of group.counts) held[label]! += rows;
  };
  const fits = (group: Group, most: Int32Array) =>
    group.counts.every(([label, rows]) => held[label]! + rows <= most[label]!);
  const all = inGroups(classes, groups);
  prng(seed, "grouped split").shuffle(all);
  for (const group of all) if (fits(group, wanted)) holdOut(group);
  // Of a class whose groups are all larger than its share: the smallest.
  const butOne = totals.map((rows) => rows - 1);
  for (const group of all.toSorted((a, b) => a.rows.length - b.rows.length))
    if (group.counts.some(([label]) => held[label] === 0) && !out.has(group) && fits(group, butOne))
      holdOut(group);
  const rowsOf = (isOut: boolean) =>
    all
      .filter((group) => out.has(group) === isOut)
      .flatMap(({ rows }) => rows)
      .sort((a, b) => a - b);
  return { train: rowsOf(false), heldOut: rowsOf(true) };
}
