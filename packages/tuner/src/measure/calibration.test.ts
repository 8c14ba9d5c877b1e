import { prng } from "@kilotune/dataset";
import { describe, expect, it } from "vitest";
import { fitTemperature, meanLogLoss, reliability } from "./calibration.ts";

describe("temperature", () => {
  it.each([0.5, 1, 2.5])("recovers %f, by which honest logits were multiplied", (wanted) => {
    const { logits, labels } = honestRows(6000);
    const scaled = logits.map((logit) => logit * wanted);
    expect(fitTemperature(scaled, labels, 4) / wanted).toBeCloseTo(1, 1);
  });

  it("lowers the loss or leaves it", () => {
    const { logits, labels } = honestRows(200);
    const sharp = logits.map((logit) => logit * 5);
    const temperature = fitTemperature(sharp, labels, 4);
    expect(meanLogLoss(sharp, labels, 4, temperature)).toBeLessThan(meanLogLoss(sharp, labels, 4, 1));
  });

  it("stays within bounds where all answers are right, or all wrong", () => {
    const logits = Float32Array.of(2, 0, 0, 2);
    expect(fitTemperature(logits, Int32Array.of(0, 1), 2)).toBeCloseTo(0.2, 3);
    expect(fitTemperature(logits, Int32Array.of(1, 0), 2)).toBeCloseTo(20, 0);
  });

  it("is 1 where nothing was held out", () => {
    expect(fitTemperature(new Float32Array(0), new Int32Array(0), 3)).toBe(1);
  });

  it("takes logits as large as float32 has them", () => {
    const logits = Float32Array.of(3e38, -3e38, 1e38, 3e38);
    expect(fitTemperature(logits, Int32Array.of(0, 1), 2)).toBeGreaterThan(0);
  });
});

describe("reliability", () => {
  it("by hand: two bins, and the mean gap between confidence and share right", () => {
    // Bin of 0.9: sure and right, sure and wrong; bin of 0.6: right.
    const probabilities = Float32Array.of(0.9, 0.1, 0.1, 0.9, 0.6, 0.4);
    const { bins, expectedCalibrationError } = reliability(probabilities, Int32Array.of(0, 0, 0), 2);
    expect(bins.map(({ rows, accuracy }) => [rows, accuracy])).toEqual([
      [1, 1],
      [2, 0.5],
    ]);
    expect(bins.map(({ confidence }) => Number(confidence.toFixed(5)))).toEqual([0.6, 0.9]);
    // (1 * |0.6 - 1| + 2 * |0.9 - 0.5|) / 3
    expect(expectedCalibrationError).toBeCloseTo(0.4, 6);
  });

  it("puts a probability of 1 into the last bin, and no rows into none", () => {
    expect(reliability(Float32Array.of(1, 0), Int32Array.of(0), 2)).toEqual({
      bins: [{ confidence: 1, accuracy: 1, rows: 1 }],
      expectedCalibrationError: 0,
    });
    const none = reliability(new Float32Array(0), new Int32Array(0), 2);
    expect(none).toEqual({ bins: [], expectedCalibrationError: 0 });
  });
});

/** Rows of 4 classes whose labels are drawn from the softmax of their very logits. */
function honestRows(rows: number): { logits: Float32Array; labels: Int32Array } {
  const random = prng(1, "honest");
  const logits = Float32Array.from({ length: rows * 4 }, () => 1.5 * random.normal());
  const labels = Int32Array.from({ length: rows }, (_, row) => {
    const weights = [...logits.subarray(row * 4, row * 4 + 4)].map(Math.exp);
    let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    let label = 0;
    while (label < 3 && left >= weights[label]!) left -= weights[label++]!;
    return label;
  });
  return { logits, labels };
}
