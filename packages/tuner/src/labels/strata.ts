import { stratifiedFolds } from "@kilotune/dataset";

/** Of each row the rarest of its labels, by which rows are held out in equal shares; `labels` where it has none. */
export function rarestLabels(targets: ArrayLike<number>, labels: number): Int32Array {
  const rows = labels === 0 ? 0 : targets.length / labels;
  const counts = new Float64Array(labels);
  for (let at = 0; at < targets.length; at++) counts[at % labels]! += targets[at] as number;
  return Int32Array.from({ length: rows }, (_, row) => {
    let rarest = labels;
    for (let label = 0; label < labels; label++)
      if (targets[row * labels + label] === 1 && (rarest === labels || counts[label]! < counts[rarest]!))
        rarest = label;
    return rarest;
  });
}

/** Folds of rows with labels, every row in one. */
export function labelFolds(
  targets: ArrayLike<number>,
  labels: number,
  folds: number,
  seed: number,
): Int32Array {
  const by = stratifiedFolds(rarestLabels(targets, labels), folds, seed);
  return Int32Array.from(by, (fold, row) => (fold < 0 ? row % folds : fold));
}
