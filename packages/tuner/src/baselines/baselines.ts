import { stratifiedFolds } from "@kilotune/dataset";
import { classMeans } from "../head/class-means.ts";
import { fitLinearProbe, type LinearHead } from "../head/linear-probe.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { argmaxRows } from "../measure/argmax.ts";
import { countRight } from "../measure/count-right.ts";
import { nearestNeighbours } from "./nearest-neighbours.ts";

/**
 * What a tenant could have without a prompt, on the frozen vectors of the plain backbone. Every job fits them, since
 * without them nobody knows whether the prompt paid.
 */
export interface Baselines {
  readonly majority: number;
  /** [classes, H] flat */
  readonly classMeans: Float32Array;
  readonly probe: LinearHead;
  /** Inverse strength of the probe's regularisation, chosen on the training rows alone. */
  readonly C: number;
  /** Neighbours that vote, chosen on the training rows alone. */
  readonly k: number;
}

export interface FrozenRows {
  /** Unit vectors [rows, H] flat. */
  readonly vectors: Float32Array;
  readonly labels: Int32Array;
  readonly classes: number;
}

export type BaselineName = "majority" | "classMean" | "knn" | "linearProbe";

/**
 * Fits all baselines; C and k by cross-validation within `rows`, or as given (for the folds of an outer one).
 *
 * @param grid of C, rising; features that lie close together want larger ones
 */
export async function fitBaselines(
  session: LinearSession,
  rows: FrozenRows,
  seed: number,
  chosen?: { readonly C: number; readonly k: number },
  grid: readonly number[] = C_GRID,
): Promise<Baselines> {
  const { vectors, labels, classes } = rows;
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  const C = chosen?.C ?? (await chooseC(session, rows, seed, grid));
  return {
    majority: counts.reduce((best, count, label) => (count > (counts[best] as number) ? label : best), 0),
    classMeans: classMeans(vectors, labels, classes, session.hiddenSize),
    probe: await fitLinearProbe(session, vectors, labels, classes, { C }),
    C,
    k: chosen?.k ?? (await chooseNeighbours(session, rows)),
  };
}

/** The class that each baseline calls for each query vector. */
export async function predictBaselines(
  session: LinearSession,
  fitted: Baselines,
  rows: FrozenRows,
  queries: Float32Array,
): Promise<Record<BaselineName, Int32Array>> {
  const { classes } = rows;
  const none = new Float32Array(classes);
  return {
    majority: new Int32Array(queries.length / session.hiddenSize).fill(fitted.majority),
    classMean: argmaxRows(await session.logits(queries, fitted.classMeans, none), classes),
    knn: await nearestNeighbours(session, rows.vectors, rows.labels, classes, queries, fitted.k),
    linearProbe: argmaxRows(await session.logits(queries, fitted.probe.weight, fitted.probe.bias), classes),
  };
}

/** How many neighbours vote: leave-one-out on the first 2,000 rows. */
export async function chooseNeighbours(
  session: LinearSession,
  { vectors, labels, classes }: FrozenRows,
): Promise<number> {
  const rows = Math.min(labels.length, 2000);
  const queries = vectors.subarray(0, rows * session.hiddenSize);
  let best: { k: number; right: number } = { k: 1, right: -1 };
  for (const k of K_GRID) {
    const predicted = await nearestNeighbours(session, vectors, labels, classes, queries, k, true);
    const right = countRight(labels.subarray(0, rows), predicted);
    if (right > best.right) best = { k, right };
  }
  return best.k;
}

const C_GRID = [1, 10, 100] as const;
const K_GRID = [1, 3, 5, 10] as const;

/** Cross-validated on few rows, on one fold of many. Ties go to the stronger regularisation. */
async function chooseC(
  session: LinearSession,
  { vectors, labels, classes }: FrozenRows,
  seed: number,
  grid: readonly number[],
): Promise<number> {
  const folds = stratifiedFolds(labels, 5, seed);
  const used = labels.length > 3000 ? [0] : [0, 1, 2, 3, 4];
  const right = new Map<number, number>(grid.map((C) => [C, 0]));
  for (const fold of used) {
    if (!folds.includes(fold)) continue;
    const rowWeights = Float32Array.from(folds, (of) => (of === fold ? 0 : 1));
    let start: LinearHead | undefined;
    for (const C of grid) {
      start = await fitLinearProbe(session, vectors, labels, classes, {
        C,
        rowWeights,
        ...(start ? { start } : {}),
      });
      const predicted = argmaxRows(await session.logits(vectors, start.weight, start.bias), classes);
      const hits = predicted.reduce(
        (sum, label, row) => sum + (folds[row] === fold && label === labels[row] ? 1 : 0),
        0,
      );
      right.set(C, (right.get(C) as number) + hits);
    }
  }
  return [...right].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
