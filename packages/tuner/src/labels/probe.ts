import { fitLabels, type LinearHead } from "../head/linear-probe.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { scoreLabels } from "./score.ts";
import { labelFolds } from "./strata.ts";
import { chooseThresholds, crossFitted, sigmoids } from "./thresholds.ts";

/** Rows of any number of labels each, whatever they are. */
export interface LabelledRows {
  /** Unit vectors of the plain backbone, [rows, H] flat. */
  readonly vectors: Float32Array;
  /** [rows, labels] flat, 0 or 1. */
  readonly targets: Uint8Array;
}

export interface LabelProbe {
  readonly head: LinearHead;
  /** Inverse strength of its regularisation, and from which probability on a label is given: chosen on training rows alone. */
  readonly C: number;
  readonly thresholds: Float64Array;
}

const C_GRID = [1, 10, 100, 1000] as const;
const FOLDS = 3;

/**
 * What prompts of several labels must beat: a linear probe of frozen vectors, each label against its absence. C and
 * thresholds by cross-validation: every row is answered by a probe that hasn't seen it.
 *
 * @param chosen C as given, for the folds of an outer one
 */
export async function fitLabelProbe(
  linear: LinearSession,
  rows: LabelledRows,
  labels: number,
  seed: number,
  chosen?: Pick<LabelProbe, "C">,
): Promise<LabelProbe> {
  const { vectors, targets } = rows;
  const grid = chosen === undefined ? C_GRID : [chosen.C];
  const folds = labelFolds(targets, labels, FOLDS, seed);
  const unseen = grid.map(() => new Float64Array(targets.length));
  for (const fold of new Set(folds)) {
    const rowWeights = Float32Array.from(folds, (of) => (of === fold ? 0 : 1));
    if (!rowWeights.some((weight) => weight > 0)) continue;
    let start: LinearHead | undefined;
    for (const [at, C] of grid.entries()) {
      start = await fitLabels(linear, vectors, targets, labels, { C, rowWeights, ...(start && { start }) });
      const seen = sigmoids(await linear.logits(vectors, start.weight, start.bias));
      folds.forEach((of, row) => {
        if (of !== fold) return;
        const own = seen.subarray(row * labels, (row + 1) * labels);
        (unseen[at] as Float64Array).set(own, row * labels);
      });
    }
  }
  const scores = unseen.map(
    (seen) => scoreLabels(targets, crossFitted(seen, targets, labels), labels).microF1,
  );
  // Ties go to the stronger regularisation.
  const best = scores.indexOf(Math.max(...scores));
  const C = grid[best] as number;
  return {
    head: await fitLabels(linear, vectors, targets, labels, { C }),
    C,
    thresholds: chooseThresholds(unseen[best] as Float64Array, targets, labels),
  };
}
