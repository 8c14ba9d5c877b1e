import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mcnemar } from "./mcnemar.ts";

describe("McNemar's exact test", () => {
  // scipy.stats.binomtest(fewer, n).pvalue
  it.each([
    { onlyA: 0, onlyB: 0, pValue: 1 },
    { onlyA: 1, onlyB: 0, pValue: 1 },
    { onlyA: 6, onlyB: 0, pValue: 0.03125 },
    { onlyA: 5, onlyB: 5, pValue: 1 },
    { onlyA: 10, onlyB: 2, pValue: 0.038574 },
    { onlyA: 2, onlyB: 10, pValue: 0.038574 },
    { onlyA: 30, onlyB: 20, pValue: 0.202639 },
  ])("$onlyA against $onlyB: p = $pValue", ({ onlyA, onlyB, pValue }) => {
    const seen = compare(onlyA, onlyB, 7, 3);
    expect(seen).toMatchObject({ onlyA, onlyB });
    expect(seen.pValue).toBeCloseTo(pValue, 6);
  });

  it("gives the same p-value whichever is named first, within 0..1, however many agree", () => {
    const count = fc.nat({ max: 60 });
    fc.assert(
      fc.property(count, count, count, (onlyA, onlyB, both) => {
        const { pValue } = compare(onlyA, onlyB, both, 2);
        expect(pValue).toBe(compare(onlyB, onlyA, 0, 0).pValue);
        expect(pValue).toBeGreaterThan(0);
        expect(pValue).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("doesn't underflow for thousands of rows, where 2^-n is 0", () => {
    expect(compare(2000, 2000, 0, 0).pValue).toBe(1);
    // scipy: 0.161485
    expect(compare(2550, 2450, 0, 0).pValue).toBeCloseTo(0.1615, 3);
    expect(compare(5000, 0, 0, 0).pValue).toBeLessThan(1e-300);
  });
});

function compare(onlyA: number, onlyB: number, both: number, neither: number) {
  const answers = [
    ...Array<[number, number]>(onlyA).fill([1, 0]),
    ...Array<[number, number]>(onlyB).fill([0, 1]),
    ...Array<[number, number]>(both).fill([1, 1]),
    ...Array<[number, number]>(neither).fill([0, 0]),
  ];
  const column = (at: 0 | 1) => Int32Array.from(answers, (answer) => answer[at]);
  return mcnemar(new Int32Array(answers.length).fill(1), column(0), column(1));
}
