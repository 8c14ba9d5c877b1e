import { crossFitted, type OutputFigure, scoreLabels, sigmoids, standardErrorOfShare } from "@kilotune/tuner";

/** Which labels rows have. */
export interface Targets {
  /** [rows, labels] flat, 0 or 1. */
  readonly targets: Uint8Array;
  /** Of each row how many of its labels no training row has. */
  readonly unknown: Int32Array;
}

/** Sets of labels in numbers. */
export function targetsOf(rows: readonly (readonly string[])[], labels: readonly string[]): Targets {
  const numberOf = new Map(labels.map((label, at) => [label, at]));
  const targets = new Uint8Array(rows.length * labels.length);
  const unknown = Int32Array.from(rows, (own, row) => {
    let strangers = 0;
    for (const label of own) {
      const at = numberOf.get(label);
      if (at === undefined) strangers++;
      else targets[row * labels.length + at] = 1;
    }
    return strangers;
  });
  return { targets, unknown };
}

/** Of some rows. */
export function pickTargets({ targets, unknown }: Targets, wanted: readonly number[]): Targets {
  const labels = targets.length / Math.max(1, unknown.length);
  const picked = new Uint8Array(wanted.length * labels);
  wanted.forEach((row, at) => {
    picked.set(targets.subarray(row * labels, (row + 1) * labels), at * labels);
  });
  return { targets: picked, unknown: Int32Array.from(wanted, (row) => unknown[row] as number) };
}

/** Micro F1 by thresholds that each row had no part in choosing. */
export function labelMeasure({ targets, unknown }: Targets, labels: number): OutputFigure {
  const positives = targets.reduce((sum, target) => sum + target, 0);
  return {
    standardError: (score: number) => standardErrorOfShare(score, positives),
    of: (logits: Float32Array) =>
      scoreLabels(targets, crossFitted(sigmoids(logits), targets, labels), labels, unknown).microF1,
  };
}
