import { expect, it } from "vitest";
import { erf } from "./erf.ts";

// By mpmath 1.3; 2.5 is where the two formulas meet.
it.each([
  [0, 0],
  [1e-9, 1.1283791670955127e-9],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2.4999, 0.9995928300996665],
  [2.5, 0.9995930479825551],
  [4, 0.9999999845827421],
  [7, 1],
  [Number.NaN, Number.NaN],
])("erf(%s) = %s, and odd", (x, wanted) => {
  if (Number.isNaN(x)) return expect(erf(x)).toBeNaN();
  expect(Math.abs(erf(x) - wanted)).toBeLessThanOrEqual(1e-15 * Math.abs(wanted));
  expect(erf(-x)).toBe(-erf(x));
});
