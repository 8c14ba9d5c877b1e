import { expect, it } from "vitest";
import { precisionCurve } from "./precision-curve.ts";

it("is what a person counts: right, wrong, right", () => {
  const { averagePrecision, curve } = precisionCurve([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])!;
  expect(averagePrecision).toBeCloseTo((1 + 2 / 3) / 2, 12);
  expect([curve[0], curve[50], curve[51], curve[100]]).toEqual([1, 1, 2 / 3, 2 / 3]);
});

it("rows of equal scores are one step, in any order; a perfect ranking is 1 throughout", () => {
  expect(precisionCurve([1, 0], [0.5, 0.5])!.averagePrecision).toBe(0.5);
  expect(precisionCurve([0, 1], [0.5, 0.5])!.averagePrecision).toBe(0.5);
  expect(new Set(precisionCurve([0, 1, 1], [1, 2, 3])!.curve)).toEqual(new Set([1]));
});

it("of what no row is there is none", () => expect(precisionCurve([0, 0], [1, 2])).toBeNull());
