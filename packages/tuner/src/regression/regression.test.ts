import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prng } from "@kilotune/dataset";
import { fitRidge, spreadOf } from "./ridge.ts";
import { scoreValues } from "./score.ts";

describe("ridge regression", () => {
  it("of two rows and one number is what the normal equations say by hand", () => {
    // x = 0, 1; standardised targets -1, 1; centred x = -1/2, 1/2: weight = 1 / (1/2 + lambda).
    const values = Float64Array.of(2, 6);
    const { head, mean, scale } = fitRidge(Float32Array.of(0, 1), values, 1, 0, { lambda: 0.5 });
    expect([mean, scale]).toEqual([4, 2]);
    expect(head.weight[0]).toBeCloseTo(1, 6);
    expect(head.bias[0]).toBeCloseTo(-0.5, 6);
  });

  it("finds a linear rule among rows, with the weakest regularisation where there is no noise", () => {
    const random = prng(1, "ridge");
    const vectors = Float32Array.from({ length: 200 * 4 }, () => random.normal());
    const rule = [1, -2, 0.5, 0];
    const values = Float64Array.from({ length: 200 }, (_, row) =>
      rule.reduce((sum, weight, h) => sum + weight * vectors[4 * row + h]!, 3),
    );
    const { head, mean, scale, lambda } = fitRidge(vectors, values, 4, 0);
    expect(lambda).toBe(0.01);
    rule.forEach((weight, h) => {
      expect(scale * head.weight[h]!).toBeCloseTo(weight, 3);
    });
    const [first] = values;
    const seen = head.weight.reduce((sum, weight, h) => sum + weight * vectors[h]!, head.bias[0]!);
    expect(mean + scale * seen).toBeCloseTo(first!, 2);
  });

  it("of values that are all the same answers that value", () => {
    expect(spreadOf(Float64Array.of(5, 5))).toEqual({ mean: 5, scale: 1 });
    const { head } = fitRidge(Float32Array.of(1, 2), Float64Array.of(5, 5), 1, 0);
    expect([...head.weight, ...head.bias]).toEqual([0, 0]);
  });
});

describe("scores of numbers", () => {
  it("are those of scipy and scikit-learn, by hand", () => {
    const score = scoreValues([1, 2, 3, 4], [1, 3, 2, 4]);
    expect(score.r2).toBeCloseTo(1 - 2 / 5, 12);
    expect(score.pearson).toBeCloseTo(0.8, 12);
    expect(score.spearman).toBeCloseTo(0.8, 12);
    expect(score.mae).toBe(0.5);
    // Equal values share their rank: 1.5, 1.5, 3 against 1, 2, 3.
    expect(scoreValues([1, 1, 2], [1, 2, 3]).spearman).toBeCloseTo(Math.sqrt(3) / 2, 12);
  });

  it("of constants are 0, not NaN; ranks don't change with a rising function", () => {
    expect(scoreValues([1, 1], [2, 3])).toMatchObject({ r2: 0, pearson: 0, spearman: 0, mae: 1.5 });
    expect(scoreValues([], [])).toMatchObject({ r2: 0, mae: 0 });
    const pairs = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 })), {
      minLength: 2,
      maxLength: 30,
    });
    fc.assert(
      fc.property(pairs, (rows) => {
        const [a, b] = [rows.map(([x]) => x), rows.map(([, y]) => y)];
        const own = scoreValues(a, b).spearman;
        const stretched = b.map((value) => value ** 3);
        expect(scoreValues(a, stretched).spearman).toBeCloseTo(own, 9);
        expect(Math.abs(own)).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });
});
