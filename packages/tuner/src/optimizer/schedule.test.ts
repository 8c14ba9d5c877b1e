import fc from "fast-check";
import { expect, it } from "vitest";
import { warmupCosine } from "./schedule.ts";

it("rises within the warm-up, then falls along half a cosine", () => {
  const factors = Array.from({ length: 10 }, (_, step) => Number(warmupCosine(step, 10, 0.2).toFixed(3)));
  expect(factors).toEqual([0.5, 0.976, 0.905, 0.794, 0.655, 0.5, 0.345, 0.206, 0.095, 0.024]);
});

it("without a warm-up starts at the peak", () => {
  expect(warmupCosine(0, 100, 0)).toBe(1);
});

it("is within 0..1 and above 0 at every step, and falls once the warm-up is over", () => {
  const cases = fc.record({
    steps: fc.integer({ min: 1, max: 2000 }),
    warmup: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(cases, ({ steps, warmup }) => {
      const factors = Array.from({ length: steps }, (_, step) => warmupCosine(step, steps, warmup));
      expect(factors.every((factor) => factor > 0 && factor <= 1)).toBe(true);
      const falling = factors.slice(Math.ceil(warmup * steps));
      expect(falling.every((factor, at) => at === 0 || factor < (falling[at - 1] as number))).toBe(true);
    }),
    { numRuns: 50 },
  );
});
