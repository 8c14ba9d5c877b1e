import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawShots, stratifiedFolds, stratifiedSplit } from "./draw.ts";
import { labelsOf } from "./labels.ts";

const rows = Array.from({ length: 60 }, (_, i) => ({
  text: `t${i}`,
  label: ["b", "a", "__proto__"][i % 3]!,
  line: i + 1,
}));
const someLabels = fc.array(fc.constantFrom("a", "b", "c", "__proto__"), { minLength: 1, maxLength: 60 });

describe("drawShots", () => {
  it("draws the same rows on every machine", () => {
    expect(drawShots(rows, 3, 0).map(({ line }) => line)).toMatchInlineSnapshot(`
      [
        3,
        6,
        13,
        15,
        17,
        19,
        23,
        26,
        28,
      ]
    `);
  });

  it("draws n rows of every class, in file order, others with another seed", () => {
    const drawn = drawShots(rows, 4, 1);
    expect(labelsOf(drawn)).toEqual(["__proto__", "a", "b"]);
    for (const label of labelsOf(rows)) expect(drawn.filter((row) => row.label === label)).toHaveLength(4);
    expect(drawn.map(({ line }) => line)).toEqual(drawn.map(({ line }) => line).sort((a, b) => a - b));
    expect(drawShots(rows, 4, 2)).not.toEqual(drawn);
  });

  it("draws the same rows of a class whatever other classes there are", () => {
    const ofA = (all: typeof rows) => drawShots(all, 5, 9).filter(({ label }) => label === "a");
    expect(ofA(rows.filter(({ label }) => label !== "b"))).toEqual(ofA(rows));
  });

  it("takes all of a class that has fewer", () => {
    expect(drawShots(rows, 100, 0)).toEqual(rows);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %d shots", (n) => {
    expect(() => drawShots(rows, n, 0)).toThrow(
      expect.objectContaining({ code: "bad_shots", kind: "usage" }),
    );
  });
});

describe("stratifiedSplit", () => {
  it("holds out some of every class of two rows and more, and trains on every class", () => {
    fc.assert(
      fc.property(
        someLabels,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.nat(),
        (labels, fraction, seed) => {
          const { train, heldOut } = stratifiedSplit(labels, fraction, seed);
          expect([...train, ...heldOut].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
          for (const label of new Set(labels)) {
            const all = labels.filter((other) => other === label).length;
            const out = heldOut.filter((i) => labels[i] === label).length;
            expect(out).toBeLessThan(all);
            if (all > 1) expect(Math.abs(out - all * fraction)).toBeLessThanOrEqual(1);
            if (all > 1) expect(out).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it("splits a class of 150,000 rows, more than a call may have arguments", () => {
    expect(stratifiedSplit(new Int32Array(150_000), 0.5, 0).heldOut).toHaveLength(75_000);
  });

  it.each([0, 1, Number.NaN])("refuses the fraction %d", (fraction) => {
    expect(() => stratifiedSplit(["a"], fraction, 0)).toThrow(
      expect.objectContaining({ code: "bad_fraction" }),
    );
  });
});

describe("stratifiedFolds", () => {
  it("deals every class evenly and keeps the folds the same size; a single row is always trained on", () => {
    fc.assert(
      fc.property(someLabels, fc.integer({ min: 2, max: 7 }), fc.nat(), (labels, k, seed) => {
        const folds = stratifiedFolds(labels, k, seed);
        expect(stratifiedFolds(labels, k, seed)).toEqual(folds);
        for (const label of new Set(labels)) {
          const mine = [...folds].filter((_, i) => labels[i] === label);
          if (mine.length === 1) expect(mine).toEqual([-1]);
          else evenlyDealt(mine, k);
        }
        evenlyDealt(
          [...folds].filter((fold) => fold >= 0),
          k,
        );
      }),
    );
  });

  it("leaves no fold empty with two rows a class", () => {
    const folds = stratifiedFolds(["a", "a", "b", "b", "c", "c"], 5, 0);
    expect(new Set(folds)).toEqual(new Set([0, 1, 2, 3, 4]));
  });
});

it("labelsOf sorts by code unit, so that the order of the rows never changes a head's outputs (simpletransformers#713)", () => {
  const labels = ["é", "b", "B", "10", "9", "__proto__", "😀", "\uffee"].map((label) => ({ label }));
  expect(labelsOf(labels)).toEqual(["10", "9", "B", "__proto__", "b", "é", "😀", "\uffee"]);
  expect(labelsOf(labels.toReversed())).toEqual(labelsOf(labels));
});

function evenlyDealt(folds: readonly number[], k: number): void {
  const sizes = Array.from({ length: k }, (_, fold) => folds.filter((other) => other === fold).length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
}
