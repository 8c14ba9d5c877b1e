import { describe, expect, it } from "vitest";
import { rank, softmax } from "./rank.ts";

describe("softmax", () => {
  it("gives the numbers worked out by hand, and the temperature divides", () => {
    expect([...softmax(Float64Array.of(0, Math.log(3)), 1)]).toEqual([
      expect.closeTo(0.25, 12),
      expect.closeTo(0.75, 12),
    ]);
    expect(softmax(Float64Array.of(0, 2 * Math.log(3)), 2)[1]).toBeCloseTo(0.75, 12);
  });

  it("stays finite and sums to one for logits that exp can't hold", () => {
    for (const logits of [
      [1e308, -1e308],
      [-1e9, -1e9],
      [5000, 4999.9],
    ]) {
      const scores = softmax(Float64Array.from(logits), 0.01);
      expect(scores.every(Number.isFinite)).toBe(true);
      expect(scores.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }
  });
});

describe("rank", () => {
  it("puts the likeliest first and keeps the order of labels among equals", () => {
    const scores = rank(["b", "a", "d", "c"], Float64Array.of(1, 2, 1, 2), 1);
    expect(scores.map(({ label }) => label)).toEqual(["a", "c", "b", "d"]);
  });

  it("orders by logits where the probabilities are both 0", () => {
    const scores = rank(["far", "near", "best"], Float64Array.of(-2000, -1000, 0), 1);
    expect(scores.map(({ label }) => label)).toEqual(["best", "near", "far"]);
    expect(scores[2]).toEqual({ label: "far", score: 0 });
  });

  it("answers for a class that is called __proto__", () => {
    expect(rank(["__proto__", "x"], Float64Array.of(1, 0), 1)[0]?.label).toBe("__proto__");
  });
});
