import { expect, it } from "vitest";
import { classMeans, normalizeRows } from "./class-means.ts";

it("means of the unit vectors of a class, of length one", () => {
  const vectors = Float32Array.of(1, 0, 0.28, 0.96, 0, 1);
  expect(rounded(classMeans(vectors, [0, 0, 1], 2, 2))).toEqual([0.8, 0.6, 0, 1]);
});

it("weighs rows", () => {
  // (1, 0) * 3 + (0, 1) * 4 points to (0.6, 0.8).
  expect(rounded(classMeans(Float32Array.of(1, 0, 0, 1), [0, 0], 1, 2, [3, 4]))).toEqual([0.6, 0.8]);
});

it("a class without rows, or whose rows cancel, has a mean of zeros and no NaN", () => {
  const vectors = Float32Array.of(1, 0, -1, 0);
  expect(rounded(classMeans(vectors, [0, 0], 2, 2))).toEqual([0, 0, 0, 0]);
});

it("normalizes in place", () => {
  const matrix = Float32Array.of(3, 4, 0, 0);
  expect(normalizeRows(matrix, 2)).toBe(matrix);
  expect(rounded(matrix)).toEqual([0.6, 0.8, 0, 0]);
});

function rounded(values: Float32Array): number[] {
  return [...values].map((value) => Number(value.toFixed(4)));
}
