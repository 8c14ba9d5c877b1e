import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rungsOf, successiveHalving } from "./halving.ts";
import { drawCandidates, gridOf, parseSweep } from "./space.ts";

describe("halving", () => {
  it("gives a quarter of the candidates four times the run", () => {
    expect(rungsOf(16)).toEqual([
      { share: 1 / 16, keep: 4 },
      { share: 1 / 4, keep: 1 },
      { share: 1, keep: 1 },
    ]);
    const spent = (n: number) => {
      let [left, before, sum] = [n, 0, 0];
      for (const { share, keep } of rungsOf(n)) {
        sum += left * (share - before);
        [left, before] = [Math.min(left, keep), share];
      }
      return sum;
    };
    expect(spent(16)).toBeLessThanOrEqual(2.5);
    expect(rungsOf(1)).toEqual([{ share: 1, keep: 1 }]);
  });

  it("finds the best one where a short run tells as much as a long one, whatever the order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 70 }), async (scores) => {
        let trials = 0;
        const ranking = await successiveHalving(scores, rungsOf(scores.length), async (score) => {
          trials++;
          return score;
        });
        expect(ranking[0]?.candidate).toBe(Math.max(...scores));
        expect(ranking[0]?.share).toBe(1);
        expect(ranking.map(({ index }) => index).sort((a, b) => a - b)).toEqual([...scores.keys()]);
        const shares = ranking.map(({ share }) => share);
        expect(shares).toEqual([...shares].sort((a, b) => b - a));
        expect(trials).toBeLessThanOrEqual(2 * scores.length);
      }),
    );
  });

  it("puts a run that diverged behind all others", async () => {
    const ranking = await successiveHalving([Number.NaN, 0.1, -Infinity, 0.2], rungsOf(4), async (x) => x);
    expect(ranking.map(({ index }) => index)).toEqual([3, 1, 0, 2]);
  });

  it("ranks equals as they were given, in whatever order they are measured", async () => {
    const measured: number[] = [];
    const measure = async (layer: number) => {
      measured.push(layer);
      return 0.5;
    };
    const order = (a: number, b: number) => a - b;
    const ranking = await successiveHalving([3, 1, 2], rungsOf(3), measure, () => {}, { order });
    expect(ranking.map(({ candidate }) => candidate)).toEqual([3, 1, 2]);
    expect(measured).toEqual([1, 2, 3, 3]);
  });
});

describe("a space", () => {
  const space = parseSweep(["tokens=4,8,16,8", "dropout=0..0.3", "promptLearningRate=1e-3..1e-1:log"]);

  it("is read from words", () => {
    expect([...space]).toEqual([
      ["tokens", { kind: "values", values: [4, 8, 16] }],
      ["dropout", { kind: "linear", from: 0, to: 0.3 }],
      ["promptLearningRate", { kind: "log", from: 1e-3, to: 1e-1 }],
    ]);
  });

  it("is drawn from, the same with the same seed, each candidate once", () => {
    const drawn = drawCandidates(space, 40, 3);
    expect(drawn).toEqual(drawCandidates(space, 40, 3));
    expect(drawn).not.toEqual(drawCandidates(space, 40, 4));
    expect(new Set(drawn.map((each) => JSON.stringify(each))).size).toBe(40);
    for (const { tokens, dropout, promptLearningRate } of drawn) {
      expect([4, 8, 16]).toContain(tokens);
      expect(dropout).toSatisfy((value: number) => value >= 0 && value <= 0.3);
      expect(promptLearningRate).toSatisfy((value: number) => value >= 1e-3 && value <= 1e-1);
    }
    // By the logarithm half of them lie below the middle of the exponents.
    const low = drawn.filter((each) => (each.promptLearningRate as number) < 1e-2).length;
    expect(low).toBeGreaterThan(10);
    expect(low).toBeLessThan(30);
  });

  it("that has few candidates gives those", () => {
    expect(drawCandidates(parseSweep(["tokens=4,8"]), 10, 0)).toHaveLength(2);
  });

  it("is a grid where all of it is values", () => {
    expect(gridOf(parseSweep(["tokens=4,8", "epochs=5,10"]))).toEqual([
      { tokens: 4, epochs: 5 },
      { tokens: 4, epochs: 10 },
      { tokens: 8, epochs: 5 },
      { tokens: 8, epochs: 10 },
    ]);
    expect(() => gridOf(space)).toThrow("values for a grid, like dropout=1,2,3");
  });

  it.each([
    ["toekns=4", "with a NAME of tokens, firstLayer"],
    ["tokens", "with a NAME of"],
    ["__proto__=4", "with a NAME of"],
    ["tokens=4.5", "whole numbers from 1 to 128"],
    ["tokens=", "whole numbers from 1 to 128"],
    ["tokens=8..4", "from a smaller number to a larger one"],
    ["dropout=0..0.3:log", "above 0"],
    ["dropout=NaN", "numbers from 0 to 0.9"],
    ["promptLearningRate=1e-3..", "numbers from"],
  ])("%s is refused", (text, words) => {
    expect(() => parseSweep([text])).toThrow(words);
  });

  it("names nothing twice", () => {
    expect(() => parseSweep(["tokens=4", "tokens=8"])).toThrow("tokens once");
  });
});
