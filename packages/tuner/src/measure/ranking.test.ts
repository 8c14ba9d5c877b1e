import { describe, expect, it } from "vitest";
import { rankingFigures } from "./ranking.ts";

describe("ranking", () => {
  const found = Float32Array.of(1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1);

  it("is measured by hand: average precision, hits and recall at k", () => {
    const vectors = { queries: Float32Array.of(1, 0), found };
    const figures = (groups: number[], k: number) =>
      rankingFigures(vectors, { queries: [7], found: groups }, 2, k);
    // Right at ranks 1 and 3: (1/1 + 2/3) / 2.
    expect(figures([7, 0, 7, 0], 4).meanAveragePrecision).toBeCloseTo(5 / 6, 12);
    expect(figures([7, 0, 7, 0], 2)).toEqual({ meanAveragePrecision: 0.5, hitRate: 1, recall: 0.5 });
    expect(figures([0, 0, 0, 7], 3)).toEqual({ meanAveragePrecision: 0, hitRate: 0, recall: 0 });
    expect(figures([7, 7, 7, 7], 2).meanAveragePrecision).toBe(1);
  });

  it("leaves out queries that nothing answers", () => {
    const vectors = { queries: Float32Array.of(1, 0, 0, 1), found };
    expect(rankingFigures(vectors, { queries: [7, 9], found: [7, 0, 0, 0] }, 2, 1).meanAveragePrecision).toBe(
      1,
    );
  });
});
