import { KilotuneError } from "@kilotune/contract";
import { prng } from "./prng.ts";

/**
 * `n` rows of every class, all of a class that has fewer, in the order of `rows`. A class's draw depends on the seed, its
 * name and the order of its own rows alone: adding another class leaves it as it is.
 */
export function drawShots<R extends { readonly label: string }>(
  rows: readonly R[],
  n: number,
  seed: number,
): R[] {
  atLeast("shots", n, 1);
  const drawn: number[] = [];
  for (const [label, members] of byClass(rows.map((row) => row.label))) {
    append(drawn, prng(seed, `shots ${label}`).shuffle(members).slice(0, n));
  }
  return ascending(drawn).map((i) => rows[i]!);
}

/** Indices into the rows, ascending; together they are all of them. */
export interface Split {
  readonly train: number[];
  readonly heldOut: number[];
}

/**
 * Holds out `fraction` of every class, rounded, yet at least one row and never the last one: a class of one row stays in
 * train, since a class that is never trained tells nothing when held out.
 *
 * @param labels one a row, as names or as class numbers.
 */
export function stratifiedSplit(labels: ArrayLike<string | number>, fraction: number, seed: number): Split {
  if (!(fraction > 0 && fraction < 1)) {
    throw new KilotuneError(
      "bad_fraction",
      `expected a held-out fraction between 0 and 1, seen ${fraction}.`,
      "Use e.g. 0.2.",
      { kind: "usage" },
    );
  }
  const train: number[] = [];
  const heldOut: number[] = [];
  for (const [label, members] of byClass(labels)) {
    const out = Math.min(members.length - 1, Math.max(1, Math.round(members.length * fraction)));
    prng(seed, `split ${label}`).shuffle(members);
    append(heldOut, members.slice(0, out));
    append(train, members.slice(out));
  }
  return { train: ascending(train), heldOut: ascending(heldOut) };
}

/**
 * The fold, 0 .. k - 1, in which each row is held out; -1 for the row of a class that has no other, which is always
 * trained on. The folds' sizes differ by at most one, and so do a class's rows in them.
 */
export function stratifiedFolds(labels: ArrayLike<string | number>, k: number, seed: number): Int32Array {
  atLeast("folds", k, 2);
  const folds = new Int32Array(labels.length).fill(-1);
  // Dealt on from class to class: if every class began at fold 0, two rows a class would leave the later folds empty.
  let dealt = 0;
  for (const [label, members] of byClass(labels)) {
    if (members.length < 2) continue;
    for (const row of prng(seed, `folds ${label}`).shuffle(members)) folds[row] = dealt++ % k;
  }
  return folds;
}

/** Row indices of each class, the classes in ascending order of their name. */
function byClass(labels: ArrayLike<string | number>): [string, number[]][] {
  const classes = new Map<string, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const label = String(labels[i]);
    const members = classes.get(label);
    if (members === undefined) classes.set(label, [i]);
    else members.push(i);
  }
  return [...classes].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** `push(...more)` would pass a class of a million rows as a million arguments. */
function append(indices: number[], more: readonly number[]): void {
  for (const index of more) indices.push(index);
}

function ascending(indices: number[]): number[] {
  return indices.sort((a, b) => a - b);
}

function atLeast(what: string, seen: number, least: number): void {
  if (Number.isSafeInteger(seen) && seen >= least) return;
  throw new KilotuneError(
    `bad_${what}`,
    `expected a whole number of ${what}, at least ${least}, seen ${seen}.`,
    `Use e.g. ${least + 3}.`,
    { kind: "usage" },
  );
}
