import { describe, expect, it } from "vitest";
import { chooseScope, scopeScores } from "./out-of-scope.ts";

describe("scores of scope", () => {
  it("are by hand those of the formulas, and finite for large logits", () => {
    const logits = Float32Array.of(Math.log(3), 0, 800, 0);
    expect([...scopeScores("probability", logits, 2, 1)][0]).toBeCloseTo(0.75, 6);
    expect([...scopeScores("energy", logits, 2, 1)][0]).toBeCloseTo(Math.log(4), 6);
    expect([...scopeScores("energy", logits, 2, 2)][1]).toBeCloseTo(800, 3);
  });
});

describe("the choice", () => {
  // Classes at logits of 9 to 12; what is none of them at 1 to 3, with one class as far ahead as there.
  const rows = (tops: number[], ahead: number) =>
    Float32Array.from(tops.flatMap((top) => [top, top - ahead]));

  it("takes the score that tells best, and a threshold between both kinds", () => {
    const inScope = rows([9, 10, 11, 12], 4);
    const outside = rows([1, 2, 3], 4);
    const { score, threshold } = chooseScope({ inScope, outside }, 2, 1);
    expect(score).toBe("energy");
    expect(threshold).toBeGreaterThan(3.1);
    expect(threshold).toBeLessThan(9);
  });

  it("without such rows turns away the given share", () => {
    const tops = Array.from({ length: 100 }, (_, at) => at);
    const { score, threshold } = chooseScope({ inScope: rows(tops, 4) }, 2, 1, 0.05);
    const away = scopeScores(score, rows(tops, 4), 2, 1).filter((seen) => seen < threshold).length;
    expect(away).toBe(5);
  });
});
