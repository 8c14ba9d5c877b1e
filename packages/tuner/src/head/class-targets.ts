import { type Feeds, float32 } from "@kilotune/engine";
import type { TargetsOf } from "../task.ts";

/** Rows of one class each. */
export interface ClassRows {
  /** Class of each row. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Weight of each row; 1 where left out. */
  readonly rowWeights?: Float32Array;
}

/** What a cross-entropy wants of some rows of a batch: `targets` [B, classes], `weights` [B]. */
export function classTargets(
  { labels, classes, rowWeights }: ClassRows,
  rows: readonly number[],
  { batch }: Pick<TargetsOf, "batch">,
): Feeds {
  const targets = new Float32Array(rows.length * classes);
  const weights = new Float32Array(rows.length);
  rows.forEach((row, at) => {
    targets[at * classes + (labels[row] as number)] = 1;
    weights[at] = (rowWeights?.[row] ?? 1) / batch.length;
  });
  return { targets: float32(targets, [rows.length, classes]), weights: float32(weights, [rows.length]) };
}
