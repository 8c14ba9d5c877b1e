import { describe, expect, it } from "vitest";
import { lbfgs } from "./lbfgs.ts";

describe("L-BFGS", () => {
  it("finds the bottom of an ill-conditioned quadratic", async () => {
    const scales = [1, 10, 100, 1000];
    const bottom = [3, -2, 0.5, 7];
    const found = await lbfgs(
      new Float64Array(4),
      async (x) => ({
        value: x.reduce((sum, xi, i) => sum + 0.5 * scales[i]! * (xi - bottom[i]!) ** 2, 0),
        gradient: x.map((xi, i) => scales[i]! * (xi - bottom[i]!)),
      }),
      { gradientTolerance: 1e-8 },
    );
    for (const [i, xi] of found.entries()) expect(xi).toBeCloseTo(bottom[i]!, 3);
  });

  it("goes down a curved valley, Rosenbrock's", async () => {
    const found = await lbfgs(
      Float64Array.of(-1.2, 1),
      async ([x, y]) => ({
        value: (1 - x!) ** 2 + 100 * (y! - x! ** 2) ** 2,
        gradient: Float64Array.of(-2 * (1 - x!) - 400 * x! * (y! - x! ** 2), 200 * (y! - x! ** 2)),
      }),
      { maxIterations: 500 },
    );
    expect(found[0]).toBeCloseTo(1, 2);
    expect(found[1]).toBeCloseTo(1, 2);
  });

  it("stays at the bottom, asking once", async () => {
    let asked = 0;
    const start = Float64Array.of(0, 0);
    const found = await lbfgs(start, async (x) => {
      asked++;
      return { value: 0, gradient: x.slice() };
    });
    expect(asked).toBe(1);
    expect(found).toEqual(start);
  });

  it("never ends above its start, not even where the gradient lies", async () => {
    const found = await lbfgs(Float64Array.of(1), async ([x]) => ({
      value: x! ** 2,
      gradient: Float64Array.of(-2 * x!),
    }));
    expect(Math.abs(found[0]!)).toBeLessThanOrEqual(1);
  });

  it("doesn't change the array it started from", async () => {
    const start = Float64Array.of(5);
    await lbfgs(start, async ([x]) => ({ value: x! ** 2, gradient: Float64Array.of(2 * x!) }));
    expect(start).toEqual(Float64Array.of(5));
  });
});
