import fc from "fast-check";
import { expect, it } from "vitest";
import { hash64 } from "./hash64.ts";
import { TextIndex } from "./text-index.ts";
import { textKey } from "./text-key.ts";

it("says new, duplicate or conflict as a map of strings would, through every growth of the table", () => {
  const rows = fc.array(
    fc.tuple(
      fc.nat(2000).map((n) => `text ${n}`),
      fc.nat(3),
    ),
    { minLength: 1500, maxLength: 4000 },
  );
  fc.assert(
    fc.property(rows, (all) => {
      const index = new TextIndex();
      const texts = new Map<string, { line: number; label: number }>();
      const pairs = new Map<string, { line: number; label: number }>();
      for (const [i, [text, label]] of all.entries()) {
        const here = { line: i + 1, label };
        const sameText = texts.get(text);
        const samePair = pairs.get(`${text} ${label}`);
        const verdict = index.add(text, here);
        if (samePair !== undefined) expect(verdict).toEqual({ kind: "duplicate", first: samePair });
        else
          expect(verdict).toEqual(
            sameText === undefined ? { kind: "new" } : { kind: "conflict", first: sameText },
          );
        if (sameText === undefined) texts.set(text, here);
        if (samePair === undefined) pairs.set(`${text} ${label}`, here);
      }
      expect(index.find(all[0]![0])).toEqual(texts.get(all[0]![0]));
      expect(index.find("absent")).toBeNull();
    }),
    { numRuns: 10 },
  );
});

it("hash64 has no collision among 100,000 near texts, in either half alone hardly any", () => {
  const both = new Set<string>();
  const halves = [new Set<number>(), new Set<number>()];
  for (let i = 0; i < 100_000; i++) {
    const { high, low } = hash64(`row ${i}`);
    both.add(`${high} ${low}`);
    halves[0]!.add(high);
    halves[1]!.add(low);
  }
  expect(both.size).toBe(100_000);
  // Random words would collide 100,000² / 2^33 = 1.2 times.
  for (const half of halves) expect(half.size).toBeGreaterThan(99_990);
});

it.each([
  ["  Hello   World ", "hello world"],
  ["a\u00a0\u3000\tb\nc", "a b c"],
  ["Stra\u00dfe", "strasse"],
  ["\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c3"],
  ["cafe\u0301", "caf\u00e9"],
])("textKey of %j is %j", (text, key) => {
  expect(textKey(text)).toBe(textKey(key));
});
