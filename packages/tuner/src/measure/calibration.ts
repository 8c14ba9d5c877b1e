import type { Calibration } from "@kilotune/contract";

/**
 * The temperature that makes held-out probabilities honest (Guo et al., arXiv:1706.04599): the one that minimises the
 * mean negative log-likelihood of softmax(logits / temperature), by golden section on its logarithm.
 *
 * @param logits [rows, classes] flat
 */
export function fitTemperature(logits: Float32Array, expected: Int32Array, classes: number): number {
  if (expected.length === 0) return 1;
  const loss = (logTemperature: number) => meanLogLoss(logits, expected, classes, Math.exp(logTemperature));
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(MIN_TEMPERATURE), Math.log(MAX_TEMPERATURE)];
  for (let step = 0; step < 40; step++) {
    const [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (loss(left) < loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** A few perfect rows would drive the temperature to nothing, and every probability to 1. */
const MIN_TEMPERATURE = 0.2;
const MAX_TEMPERATURE = 20;

/** Reliability in 15 bins of the top probability, and its expected error. */
export function reliability(
  probabilities: Float32Array,
  expected: Int32Array,
  classes: number,
): Pick<Calibration, "bins" | "expectedCalibrationError"> {
  const sums = Array.from({ length: BINS }, () => ({ confidence: 0, right: 0, rows: 0 }));
  expected.forEach((label, row) => {
    const part = probabilities.subarray(row * classes, (row + 1) * classes);
    const top = part.reduce((best, p, at) => (p > (part[best] as number) ? at : best), 0);
    const confidence = part[top] as number;
    const bin = sums[Math.min(BINS - 1, Math.floor(confidence * BINS))] as (typeof sums)[number];
    bin.confidence += confidence;
    bin.right += top === label ? 1 : 0;
    bin.rows++;
  });
  const filled = sums.filter(({ rows }) => rows > 0);
  const error = filled.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0);
  return {
    bins: filled.map(({ confidence, right, rows }) => ({
      confidence: confidence / rows,
      accuracy: right / rows,
      rows,
    })),
    expectedCalibrationError: expected.length === 0 ? 0 : error / expected.length,
  };
}

const BINS = 15;

export function meanLogLoss(
  logits: Float32Array,
  expected: Int32Array,
  classes: number,
  temperature: number,
): number {
  let sum = 0;
  expected.forEach((label, row) => {
    let max = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < classes; at++) max = Math.max(max, logits[row * classes + at] as number);
    let total = 0;
    for (let at = 0; at < classes; at++)
      total += Math.exp(((logits[row * classes + at] as number) - max) / temperature);
    sum += Math.log(total) - ((logits[row * classes + label] as number) - max) / temperature;
  });
  return sum / expected.length;
}
