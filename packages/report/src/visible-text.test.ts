import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clip, visible } from "./visible-text.ts";

describe("visible", () => {
  test("spells out what would reorder the line, keeps what scripts and emoji need", () => {
    expect(visible("pay\u202Egnp.exe\u202C")).toBe("pay[U+202E]gnp.exe[U+202C]");
    expect(visible("שלום\u200F! 👩\u200D💻 می\u200Cخواهم")).toBe("שלום\u200F! 👩\u200D💻 می\u200Cخواهم");
  });

  test("control characters, noncharacters and lone surrogates become U+FFFD; line feed and tab stay", () => {
    expect(visible("\u001B[31m\u0000a\n\tb\uD800c\uFFFE")).toBe("\uFFFD[31m\uFFFDa\n\tb\uFFFDc\uFFFD");
  });
});

describe("clip", () => {
  test("cuts between graphemes", () => {
    expect(clip("short", 5)).toBe("short");
    expect(clip("abcdef", 5)).toBe("abcd…");
    expect(clip("ab👩‍💻cd", 5)).toBe("ab…");
  });

  test("a single letter under thousands of marks is cut all the same", () => {
    expect(clip(`e${"\u0301".repeat(10_000)}`, 10)).toHaveLength(10);
  });

  test("is never longer than asked and always well formed", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 80 }).map((s) => s.toWellFormed()),
        fc.integer({ min: 2, max: 40 }),
        (text, most) => {
          const cut = clip(text, most);
          expect(cut.length).toBeLessThanOrEqual(most);
          expect(cut.isWellFormed()).toBe(true);
          expect(text.startsWith(cut.replace(/…$/, ""))).toBe(true);
        },
      ),
    );
  });
});
