import { expect, it } from "vitest";
import { clipByGlobalNorm } from "./clip.ts";

it("scales all gradients by one factor, down to the largest norm", () => {
  const gradients = [Float32Array.of(3), Float32Array.of(0, 4)];
  expect(clipByGlobalNorm(gradients, 1)).toBe(5);
  expect(gradients.map((gradient) => [...gradient].map((g) => Number(g.toFixed(6))))).toEqual([
    [0.6],
    [0, 0.8],
  ]);
});

it("never scales up", () => {
  const gradients = [Float32Array.of(0.3, 0.4)];
  expect(clipByGlobalNorm(gradients, 1)).toBeCloseTo(0.5, 6);
  expect(gradients[0]).toEqual(Float32Array.of(0.3, 0.4));
});

it.each([Number.NaN, Number.POSITIVE_INFINITY])("tells of a gradient of %f by the norm", (bad) => {
  expect(clipByGlobalNorm([Float32Array.of(1, bad)], 1)).toBe(bad);
});
