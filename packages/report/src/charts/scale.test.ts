import fc from "fast-check";
import { expect, test } from "vitest";
import { niceScale, position, wholeScale } from "./scale.ts";

test("ends and ticks are round", () => {
  expect(niceScale([0.776, 0.949], 4)).toEqual({
    min: 0.75,
    max: 0.95,
    ticks: [0.75, 0.8, 0.85, 0.9, 0.95],
    digits: 2,
  });
  expect(niceScale([0, 2.4], 4)).toEqual({ min: 0, max: 3, ticks: [0, 1, 2, 3], digits: 0 });
});

test("one value, or none that is finite, still makes an axis", () => {
  expect(niceScale([Number.NaN, Infinity], 4)).toMatchObject({ min: 0, max: 1 });
  expect(niceScale([0.7, 0.7], 4)).toMatchObject({ min: 0.2, max: 1.2 });
  expect(position(wholeScale(1, 1, 6), 1)).toBe(0.5);
});

test("epochs get whole ticks", () => {
  expect(wholeScale(1, 3, 6).ticks).toEqual([1, 2, 3]);
  expect(wholeScale(1, 500, 6).ticks).toEqual([100, 200, 300, 400, 500]);
});

test("every value lies on its axis", () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (values) => {
      const scale = niceScale(values, 4);
      expect(scale.ticks.length).toBeLessThanOrEqual(8);
      for (const v of values) {
        expect(position(scale, v)).toBeGreaterThanOrEqual(-1e-6);
        expect(position(scale, v)).toBeLessThanOrEqual(1 + 1e-6);
      }
    }),
  );
});
