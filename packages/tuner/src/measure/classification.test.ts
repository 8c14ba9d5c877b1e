import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { confusionOf, perClass, scoreOf, wilson } from "./classification.ts";

describe("score", () => {
  it("by hand: 3 classes, 6 rows", () => {
    const expected = Int32Array.of(0, 0, 0, 1, 1, 2);
    const predicted = Int32Array.of(0, 0, 1, 1, 2, 2);
    const score = scoreOf(expected, predicted, 3);
    expect(score).toMatchObject({ rows: 6, accuracy: 4 / 6 });
    // F1 by class: 2 * 1 * (2/3) / (5/3) = 0.8; precision and recall 1/2: 0.5; precision 1/2, recall 1: 2/3.
    expect(score.macroF1).toBeCloseTo((0.8 + 0.5 + 2 / 3) / 3, 12);
    expect(confusionOf(expected, predicted, 3)).toEqual([
      [2, 1, 0],
      [0, 1, 1],
      [0, 0, 1],
    ]);
  });

  it("macro-F1 is over the classes that appear: absent ones don't pull it down (known fault 76)", () => {
    const labels = Int32Array.of(0, 1, 1);
    expect(scoreOf(labels, labels, 50).macroF1).toBe(1);
  });

  it("a class that is called and never right counts as 0 (known fault 76)", () => {
    expect(scoreOf(Int32Array.of(0, 0), Int32Array.of(0, 1), 3).macroF1).toBeCloseTo(2 / 3 / 2, 12);
  });

  it("a row of no known class counts as wrong and stands in no class (known fault 76)", () => {
    const score = scoreOf(Int32Array.of(0, -1), Int32Array.of(0, 0), 2);
    expect(score).toMatchObject({ rows: 2, accuracy: 0.5 });
    expect(confusionOf(Int32Array.of(0, -1), Int32Array.of(0, 0), 2)).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });

  it("of no rows is 0 and has no NaN", () => {
    const none = new Int32Array(0);
    expect(scoreOf(none, none, 2)).toEqual({ rows: 0, accuracy: 0, macroF1: 0, interval: [0, 1] });
  });
});

it("per class: names are data, even __proto__", () => {
  const rows = perClass(
    [
      [1, 1],
      [0, 2],
    ],
    ["__proto__", "other"],
  );
  expect(rows).toEqual([
    { label: "__proto__", precision: 1, recall: 0.5, f1: 2 / 3, support: 2 },
    { label: "other", precision: 2 / 3, recall: 1, f1: 0.8, support: 2 },
  ]);
});

describe("Wilson interval", () => {
  // statsmodels proportion_confint(right, rows, method="wilson")
  it.each([
    { right: 8, rows: 10, interval: [0.490162, 0.943318] },
    { right: 0, rows: 20, interval: [0, 0.161125] },
    { right: 950, rows: 1000, interval: [0.934689, 0.961862] },
  ])("$right of $rows", ({ right, rows, interval }) => {
    const [low, high] = wilson(right, rows);
    expect(low).toBeCloseTo(interval[0]!, 4);
    expect(high).toBeCloseTo(interval[1]!, 4);
  });

  it("lies within 0..1, around the share, and mirrors", () => {
    fc.assert(
      fc.property(fc.nat({ max: 500 }), fc.nat({ max: 500 }), (right, wrong) => {
        const rows = right + wrong;
        const [low, high] = wilson(right, rows);
        const share = rows === 0 ? 0.5 : right / rows;
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(share).toBeGreaterThanOrEqual(low - 1e-12);
        expect(share).toBeLessThanOrEqual(high + 1e-12);
        expect(1 - wilson(wrong, rows)[1]).toBeCloseTo(low, 9);
      }),
    );
  });
});
