import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupedFolds } from "./grouped-folds.ts";
import { RowGroups, similarImages, similarTexts } from "./row-groups.ts";

const someRows = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "__proto__"), fc.nat(30)), {
  minLength: 1,
  maxLength: 80,
});
const someFolds = fc.integer({ min: 2, max: 7 });

/** undefined where there are too few groups. */
function dealt(rows: readonly (readonly [string, number])[], k: number, seed: number) {
  const [labels, groups] = [rows.map(([label]) => label), rows.map(([, group]) => group)];
  try {
    return { labels, groups, folds: groupedFolds(labels, groups, k, seed) };
  } catch (error) {
    expect(error).toMatchObject({ code: "too_few_groups", kind: "input" });
    return undefined;
  }
}

describe("groupedFolds", () => {
  it("never parts a group, has every class in what is learnt of each fold, and leaves no fold empty", () => {
    fc.assert(
      fc.property(someRows, someFolds, fc.nat(), (rows, k, seed) => {
        const found = dealt(rows, k, seed);
        fc.pre(found !== undefined);
        const { labels, groups, folds } = found;
        for (const group of new Set(groups))
          expect(new Set([...folds].filter((_, row) => groups[row] === group)).size).toBe(1);
        for (let fold = 0; fold < k; fold++) {
          expect(folds).toContain(fold);
          const learnt = new Set(labels.filter((_, row) => folds[row] !== fold));
          expect(learnt).toEqual(new Set(labels));
        }
        expect([...folds].every((fold) => fold >= -1 && fold < k)).toBe(true);
      }),
    );
  });

  it("deals rows of their own evenly: a class's rows, and the folds, differ by at most one", () => {
    fc.assert(
      fc.property(someRows, someFolds, fc.nat(), (rows, k, seed) => {
        const found = dealt(
          rows.map(([label], row) => [label, row]),
          k,
          seed,
        );
        fc.pre(found !== undefined);
        const { labels, folds } = found;
        for (const label of new Set(labels)) {
          const mine = [...folds].filter((_, row) => labels[row] === label);
          if (mine.length === 1) expect(mine).toEqual([-1]);
          else expect(unevenness(mine, k)).toBeLessThanOrEqual(1);
        }
        expect(
          unevenness(
            [...folds].filter((fold) => fold >= 0),
            k,
          ),
        ).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("of one class is as even as the largest group allows", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { minLength: 30, maxLength: 90 }),
        someFolds,
        fc.nat(),
        (groups, k, seed) => {
          const found = dealt(
            groups.map((group) => ["a", group]),
            k,
            seed,
          );
          fc.pre(found !== undefined);
          const largest = Math.max(
            ...groups.map((group) => groups.filter((other) => other === group).length),
          );
          expect(unevenness([...found.folds], k)).toBeLessThanOrEqual(largest);
        },
      ),
    );
  });

  it("depends on the seed, and not on what groups are called", () => {
    fc.assert(
      fc.property(someRows, someFolds, fc.nat(), (rows, k, seed) => {
        const found = dealt(rows, k, seed);
        const renamed = dealt(
          rows.map(([label, group]) => [label, 1000 - 7 * group]),
          k,
          seed,
        );
        expect(renamed?.folds).toEqual(found?.folds);
      }),
    );
    const labels = Array.from({ length: 40 }, (_, row) => row % 2);
    const of = (seed: number) => [...groupedFolds(labels, [...labels.keys()], 5, seed)];
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it("always learns from a group that holds all of a class", () => {
    const labels = ["a", "a", "b", "b", "a", "a"];
    const folds = groupedFolds(labels, [0, 1, 2, 2, 3, 4], 2, 0);
    expect([...folds.slice(2, 4)]).toEqual([-1, -1]);
    expect([...folds].filter((fold) => fold >= 0).sort()).toEqual([0, 0, 1, 1]);
  });

  it("says how many folds there can be", () => {
    expect(() => groupedFolds(["a", "a", "b"], [0, 1, 2], 3, 0)).toThrow(
      expect.objectContaining({ code: "too_few_groups", hint: expect.stringContaining("at most 2 folds") }),
    );
  });
});

describe("rows that belong together", () => {
  it("are joined by way of others too, whatever the order", () => {
    const pairs = fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 25 });
    fc.assert(
      fc.property(pairs, (told) => {
        const numbersOf = (pairs: typeof told) => {
          const groups = new RowGroups(20);
          for (const [a, b] of pairs) groups.join(a, b);
          return [...groups.numbers()];
        };
        const numbers = numbersOf(told);
        for (const [a, b] of told) expect(numbers[a]).toBe(numbers[b]);
        expect(numbersOf(told.map(([a, b]) => [b, a] as [number, number]).reverse())).toEqual(numbers);
        for (const [row, first] of numbers.entries()) expect(first).toBeLessThanOrEqual(row);
      }),
    );
  });

  it("are texts that the linter calls the same or near", () => {
    const texts = [
      "How long can I keep pizza in the freezer before it goes bad?",
      "where is it",
      "Where  is it",
      "How long can I keep pizza in the freezer for before it goes bad??",
      "My card payment has been declined, do you know why?",
    ];
    expect([...similarTexts(texts)]).toEqual([0, 1, 1, 0, 4]);
  });

  it("are images of one patient, of the same bytes, or of nearly the same picture", () => {
    const hash = (end: string) => `${"0123456789abcdef".repeat(2).slice(0, -2)}${end}`;
    const image = (sha256: string, patient: string | null, perceptual: string | null = null) => ({
      sha256,
      patient,
      perceptual,
    });
    const images = [
      image("a", "p1"),
      image("b", null, hash("00")),
      image("c", "p1"),
      image("c", null),
      image("d", null, hash("03")),
      image("e", null, "f".repeat(32)),
    ];
    expect([...similarImages(images)]).toEqual([0, 1, 0, 0, 1, 5]);
  });
});

function unevenness(folds: readonly number[], k: number): number {
  const sizes = Array.from({ length: k }, (_, fold) => folds.filter((other) => other === fold).length);
  return Math.max(...sizes) - Math.min(...sizes);
}
