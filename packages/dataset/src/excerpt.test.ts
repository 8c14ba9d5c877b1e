import fc from "fast-check";
import { expect, it } from "vitest";
import { EXCERPT_LENGTH, excerpt } from "./excerpt.ts";

it.each([
  ["short", '"short"'],
  ['a "b"', '"a \\"b\\""'],
  ["\u001b[2J\u009b2J", '"\\u001b[2J\\u009b2J"'],
  ["e\u0301 \u00e9", '"e\\u0301 é"'],
  ["a\u200bb\u202ec\u00a0", '"a\\u200bb\\u202ec\\u00a0"'],
  ["x".repeat(41), `"${"x".repeat(39)}…"`],
  [`${"x".repeat(38)}👋y`, `"${"x".repeat(38)}…"`],
  ["\ud800", '"\\ud800"'],
])("%j is shown as %s", (content, shown) => expect(excerpt(content)).toBe(shown));

const anyUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit));

it("shows at most 40 characters, never a control and never half an emoji", () => {
  fc.assert(
    fc.property(fc.string({ unit: anyUnit, maxLength: 100 }), (content) => {
      const shown = JSON.parse(excerpt(content)) as string;
      expect(shown.length).toBeLessThanOrEqual(EXCERPT_LENGTH);
      expect(excerpt(content).isWellFormed()).toBe(true);
      if (content.isWellFormed()) expect(shown.isWellFormed()).toBe(true);
      expect(excerpt(content)).not.toMatch(/\p{Cc}/u);
    }),
  );
});
