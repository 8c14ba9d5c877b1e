import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupedSplit } from "./grouped-split.ts";

const someRows = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "__proto__"), fc.nat(30)), {
  maxLength: 80,
});
const someFraction = fc.double({ min: 0.05, max: 0.5, noNaN: true });

describe("groupedSplit", () => {
  it("never parts a group, leaves every class something to learn from, and takes each row once", () => {
    fc.assert(
      fc.property(someRows, someFraction, fc.nat(), (rows, fraction, seed) => {
        const [labels, groups] = [rows.map(([label]) => label), rows.map(([, group]) => group)];
        const { train, heldOut } = groupedSplit(labels, groups, fraction, seed);
        expect([...train, ...heldOut].sort((a, b) => a - b)).toEqual([...rows.keys()]);
        const learnt = new Set(train.map((row) => groups[row]));
        expect(heldOut.some((row) => learnt.has(groups[row]))).toBe(false);
        expect(new Set(train.map((row) => labels[row]))).toEqual(new Set(labels));
      }),
    );
  });

  it("holds out each class's share where groups are of one class, and of each class that has two groups", () => {
    fc.assert(
      fc.property(someRows, someFraction, fc.nat(), (rows, fraction, seed) => {
        const labels = rows.map(([label]) => label);
        const groups = rows.map(
          ([label, group]) => 100 * ["a", "b", "c", "__proto__"].indexOf(label) + group,
        );
        const { heldOut } = groupedSplit(labels, groups, fraction, seed);
        for (const label of new Set(labels)) {
          const own = [...labels.keys()].filter((row) => labels[row] === label);
          const out = heldOut.filter((row) => labels[row] === label);
          if (new Set(own.map((row) => groups[row])).size > 1) expect(out.length).toBeGreaterThan(0);
          else expect(out).toEqual([]);
          // More than its share only where its smallest group is.
          const share = Math.max(1, Math.round(own.length * fraction));
          if (out.length > share) expect(new Set(out.map((row) => groups[row])).size).toBe(1);
        }
      }),
    );
  });

  it("is decided by seed and groups, whatever those are called", () => {
    const labels = Array.from({ length: 60 }, (_, row) => row % 3);
    const groups = labels.map((_, row) => row >> 2);
    const split = groupedSplit(labels, groups, 0.2, 5);
    const renamed = groups.map((group) => 1000 - group);
    expect(groupedSplit(labels, renamed, 0.2, 5)).toEqual(split);
    expect(groupedSplit(labels, groups, 0.2, 6)).not.toEqual(split);
  });
});
