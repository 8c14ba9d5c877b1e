import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeTags, spansOfTags } from "./tags.ts";

const TAGS = ["B-a", "B-b", "I-a", "I-b", "O"];

describe("spans of tags", () => {
  it("begin, go on, stand side by side, and begin with I- where none is open", () => {
    expect(spansOfTags(["B-a", "I-a", "B-a", "O", "I-b", "I-a", "x"])).toEqual([
      { name: "a", start: 0, end: 2 },
      { name: "a", start: 2, end: 3 },
      { name: "b", start: 4, end: 5 },
      { name: "a", start: 5, end: 6 },
    ]);
    expect(spansOfTags([])).toEqual([]);
  });
});

describe("decoding", () => {
  it("gives up the likelier tag where it could not follow", () => {
    // I-a is likeliest at both words, but nothing began it: B-a I-a beats O O.
    const logits = [1, 0, 4, 0, 0, 0, 0, 4, 0, 0];
    expect([...decodeTags(logits, TAGS).tags].map((tag) => TAGS[tag])).toEqual(["B-a", "I-a"]);
    expect(decodeTags([], TAGS).tags).toHaveLength(0);
    expect([...decodeTags([0, 0, 9], ["B-a", "O", "I-z"]).tags]).toEqual([0]);
  });

  it("finds what trying all rows of tags finds", () => {
    const number = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 4 })
          .chain((words) => fc.array(number, { minLength: 5 * words, maxLength: 5 * words })),
        (logits) => {
          const words = logits.length / 5;
          const found = [...decodeTags(logits, TAGS).tags];
          const score = (tags: number[]) => tags.reduce((sum, tag, word) => sum + logits[word * 5 + tag]!, 0);
          let best = Number.NEGATIVE_INFINITY;
          for (let code = 0; code < 5 ** words; code++) {
            const tags = Array.from({ length: words }, (_, word) => Math.floor(code / 5 ** word) % 5);
            if (isAllowed(tags)) best = Math.max(best, score(tags));
          }
          expect(isAllowed(found)).toBe(true);
          expect(score(found)).toBeCloseTo(best, 9);
        },
      ),
      { numRuns: 100 },
    );
  });
});

function isAllowed(tags: number[]): boolean {
  return tags.every((tag, at) => {
    const name = TAGS[tag]!;
    return !name.startsWith("I-") || (at > 0 && TAGS[tags[at - 1]!]!.slice(2) === name.slice(2));
  });
}
