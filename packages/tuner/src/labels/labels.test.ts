import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scoreLabels } from "./score.ts";
import { rarestLabels } from "./strata.ts";
import { chooseThresholds, crossFitted, fitLabelTemperature, reached, sigmoids } from "./thresholds.ts";

describe("scores of sets of labels", () => {
  it("are those of scikit-learn (f1_score, accuracy_score), by hand", () => {
    // Rows: {0,1} answered {0}; {1} answered {1,2}; {} answered {}.
    const expected = [1, 1, 0, 0, 1, 0, 0, 0, 0];
    const answered = [1, 0, 0, 0, 1, 1, 0, 0, 0];
    const score = scoreLabels(expected, answered, 3);
    expect(score.microF1).toBeCloseTo((2 * 2) / (3 + 3), 12);
    expect([score.precision, score.recall]).toEqual([2 / 3, 2 / 3]);
    expect(score.macroF1).toBeCloseTo((1 + 2 / 3 + 0) / 3, 12);
    expect(score.exactMatch).toBeCloseTo(1 / 3, 12);
  });

  it("count labels that nothing could answer as missed", () => {
    const score = scoreLabels([1, 0], [1, 0], 2, [1]);
    expect([score.recall, score.exactMatch]).toEqual([0.5, 0]);
    expect(scoreLabels([], [], 0).microF1).toBe(0);
  });
});

describe("thresholds", () => {
  it("stand where a label's F1 is largest, halfway to the next row", () => {
    // Five rows with the label at 0.3 and above, five without below 0.2.
    const probabilities = [0.9, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.05, 0.01];
    const expected = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
    const [threshold] = chooseThresholds(probabilities, expected, 1);
    expect(threshold).toBeCloseTo(0.25, 12);
    expect([...reached(probabilities, [threshold!])]).toEqual(expected);
  });

  it("of labels with few rows are the one of all labels together; without any row, a half", () => {
    const rows = Array.from({ length: 12 }, (_, row) => [row < 6 ? 0.4 : 0.1, row === 0 ? 0.05 : 0.02]);
    const expected = rows.flatMap((_, row) => [row < 6 ? 1 : 0, row === 0 ? 1 : 0]);
    const [own, shared] = chooseThresholds(rows.flat(), expected, 2);
    expect([own, shared]).toEqual([0.25, 0.25]);
    expect([...chooseThresholds([0.3, 0.4], [0, 0], 1)]).toEqual([0.5]);
  });

  it("no other threshold does better on the rows they were chosen on", () => {
    const cells = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), {
      minLength: 5,
      maxLength: 30,
    });
    fc.assert(
      fc.property(cells, fc.double({ min: 0, max: 1, noNaN: true }), (seen, other) => {
        const probabilities = seen.map(([probability]) => probability);
        const expected = seen.map(([, label]) => (label ? 1 : 0));
        fc.pre(expected.filter((label) => label === 1).length >= 5);
        const f1 = (threshold: number) =>
          scoreLabels(expected, reached(probabilities, [threshold]), 1).microF1;
        expect(f1(chooseThresholds(probabilities, expected, 1)[0]!)).toBeGreaterThanOrEqual(
          f1(other) - 1e-12,
        );
      }),
    );
  });

  it("that a row had no part in choosing answer noise no better than noise", () => {
    // Every row has a probability of its own and a label by chance: chosen and measured on the same rows, F1 is flattered.
    const uniform = sequence(7);
    const probabilities = Array.from({ length: 400 }, () => uniform());
    const expected = Array.from({ length: 400 }, () => (uniform() < 0.3 ? 1 : 0));
    const same = reached(probabilities, chooseThresholds(probabilities, expected, 1));
    const honest = scoreLabels(expected, crossFitted(probabilities, expected, 1), 1).microF1;
    expect(scoreLabels(expected, same, 1).microF1).toBeGreaterThanOrEqual(honest);
    expect(crossFitted([], [], 3)).toHaveLength(0);
  });
});

it("the temperature makes probabilities as often right as they say", () => {
  // Logits three times too sure of what is right in 73 % of the rows: sigmoid(1).
  const logits = Array.from({ length: 100 }, () => 3);
  const expected = logits.map((_, row) => (row < 73 ? 1 : 0));
  const temperature = fitLabelTemperature(logits, expected);
  expect(sigmoids([3], temperature)[0]).toBeCloseTo(0.73, 3);
  expect(fitLabelTemperature([], [])).toBe(1);
});

it("rows are held out by the rarest of their labels", () => {
  const targets = [1, 0, 1, 1, 1, 0, 0, 0, 1];
  expect([...rarestLabels(targets, 3)]).toEqual([0, 1, 2]);
  expect([...rarestLabels([0, 0], 2)]).toEqual([2]);
});

function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
