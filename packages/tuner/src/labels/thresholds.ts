import { prng } from "@kilotune/dataset";

/** Fewer rows with a label don't tell its own threshold: it has the one that all labels share. */
const FEW_ROWS = 5;

/** Of labels that nothing is known of. */
const UNKNOWN = 0.5;

/**
 * From which probability on each label is given: where its F1 on held-out rows is largest, halfway to the row below. A label
 * of few rows has the threshold at which all labels together do best.
 *
 * @param probabilities, expected [rows, labels] flat
 */
export function chooseThresholds(
  probabilities: ArrayLike<number>,
  expected: ArrayLike<number>,
  labels: number,
): Float64Array {
  const rows = labels === 0 ? 0 : expected.length / labels;
  const shared = bestThreshold(probabilities, expected);
  return Float64Array.from({ length: labels }, (_, label) => {
    const column = (values: ArrayLike<number>) =>
      Float64Array.from({ length: rows }, (_, row) => values[row * labels + label] as number);
    const wanted = column(expected);
    const positives = wanted.reduce((sum, value) => sum + value, 0);
    return positives < FEW_ROWS ? shared : bestThreshold(column(probabilities), wanted);
  });
}

/** [rows, labels] flat: 1 where the label's threshold is reached. */
export function reached(probabilities: ArrayLike<number>, thresholds: ArrayLike<number>): Uint8Array {
  const labels = thresholds.length;
  return Uint8Array.from(probabilities, (value, at) =>
    value >= (thresholds[at % labels] as number) ? 1 : 0,
  );
}

/**
 * What thresholds that a row had no part in choosing make of it: those of each half of the rows come from the other one. So
 * that what is measured on held-out rows isn't flattered by what was chosen on them.
 */
export function crossFitted(
  probabilities: ArrayLike<number>,
  expected: ArrayLike<number>,
  labels: number,
): Uint8Array {
  const rows = labels === 0 ? 0 : expected.length / labels;
  const half = prng(0, "label thresholds").shuffle(Array.from({ length: rows }, (_, row) => row % 2));
  const answered = new Uint8Array(rows * labels);
  for (const side of [0, 1]) {
    const others = half.flatMap((of, row) => (of === side ? [] : [row]));
    const part = (values: ArrayLike<number>) =>
      others.flatMap((row) =>
        Array.from({ length: labels }, (_, label) => values[row * labels + label] as number),
      );
    const thresholds = chooseThresholds(part(probabilities), part(expected), labels);
    half.forEach((of, row) => {
      if (of !== side) return;
      for (let at = row * labels; at < (row + 1) * labels; at++)
        answered[at] = (probabilities[at] as number) >= (thresholds[at % labels] as number) ? 1 : 0;
    });
  }
  return answered;
}

function bestThreshold(probabilities: ArrayLike<number>, expected: ArrayLike<number>): number {
  const order = Uint32Array.from({ length: expected.length }, (_, at) => at).sort(
    (a, b) => (probabilities[b] as number) - (probabilities[a] as number),
  );
  let positives = 0;
  for (let at = 0; at < expected.length; at++) positives += expected[at] as number;
  if (positives === 0) return UNKNOWN;
  let [right, best, threshold] = [0, 0, UNKNOWN];
  order.forEach((at, place) => {
    right += expected[at] as number;
    const value = probabilities[at] as number;
    const below = place + 1 < order.length ? (probabilities[order[place + 1] as number] as number) : 0;
    // Equal ones stand or fall together.
    if (place + 1 < order.length && below === value) return;
    const f1 = (2 * right) / (positives + place + 1);
    if (f1 <= best) return;
    best = f1;
    threshold = (value + below) / 2;
  });
  return threshold;
}

/** Divides the logits, so that the labels' probabilities are as often right as they say: least mean loss on held-out rows. */
export function fitLabelTemperature(logits: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (logits.length === 0) return 1;
  const loss = (log: number) => {
    const temperature = Math.exp(log);
    let sum = 0;
    for (let at = 0; at < logits.length; at++) {
      const x = (logits[at] as number) / temperature;
      sum += Math.max(x, 0) - x * (expected[at] as number) + Math.log1p(Math.exp(-Math.abs(x)));
    }
    return sum;
  };
  // By golden sections: the loss has one valley.
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.05), Math.log(20)];
  for (let step = 0; step < 40; step++) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (loss(left) <= loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

export function sigmoids(logits: ArrayLike<number>, temperature = 1): Float64Array {
  return Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit / temperature)));
}
