import type { ClassificationScore, Evaluation } from "@kilotune/contract";
import { countRight } from "./count-right.ts";

/** What a classifier got right. `expected` and `predicted` hold class numbers. */
export function scoreOf(expected: Int32Array, predicted: Int32Array, classes: number): ClassificationScore {
  const rows = expected.length;
  const right = countRight(expected, predicted);
  const confusion = confusionOf(expected, predicted, classes);
  return {
    rows,
    accuracy: rows === 0 ? 0 : right / rows,
    macroF1: macroF1(confusion),
    interval: wilson(right, rows),
  };
}

/** confusion[i][j]: rows of class i that were called class j; rows of no known class (-1) stand nowhere. */
export function confusionOf(expected: Int32Array, predicted: Int32Array, classes: number): number[][] {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  expected.forEach((label, row) => {
    if (label < 0) return;
    const called = predicted[row] as number;
    (confusion[label] as number[])[called] = ((confusion[label] as number[])[called] as number) + 1;
  });
  return confusion;
}

export function perClass(
  confusion: readonly (readonly number[])[],
  labels: readonly string[],
): Evaluation["perClass"] {
  return confusion.map((row, at) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    const called = confusion.reduce((sum, other) => sum + (other[at] as number), 0);
    const right = row[at] as number;
    const precision = called === 0 ? 0 : right / called;
    const recall = support === 0 ? 0 : right / support;
    const f1 = right === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    return { label: labels[at] as string, precision, recall, f1, support };
  });
}

/** Mean F1 over the classes that appear, expected or called: a class that is nowhere says nothing. */
function macroF1(confusion: readonly (readonly number[])[]): number {
  const names = confusion.map((_, at) => String(at));
  const present = perClass(confusion, names).filter(
    ({ support }, at) => support > 0 || confusion.some((row) => (row[at] as number) > 0),
  );
  return present.length === 0 ? 0 : present.reduce((sum, { f1 }) => sum + f1, 0) / present.length;
}

/** 95 % score interval of a share (Wilson, 1927). */
export function wilson(right: number, rows: number): readonly [number, number] {
  if (rows === 0) return [0, 1];
  const z = 1.959964;
  const share = right / rows;
  const centre = (share + z ** 2 / (2 * rows)) / (1 + z ** 2 / rows);
  const reach =
    (z / (1 + z ** 2 / rows)) * Math.sqrt((share * (1 - share)) / rows + z ** 2 / (4 * rows ** 2));
  return [Math.max(0, centre - reach), Math.min(1, centre + reach)];
}
