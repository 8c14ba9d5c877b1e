import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findJsonFault } from "./json-fault.ts";
import { topLevelKeys } from "./json-keys.ts";

describe("findJsonFault", () => {
  it.each([
    ["", 0, "a value"],
    ["[1,]", 3, "a value"],
    ['{"a":1 "b"', 7, '"," or "}"'],
    ["[1}", 2, '"," or "]"'],
    ['{"a" 1}', 5, '":"'],
    ["1 2", 2, "the end of the line"],
    ["nulL", 3, "null"],
    ["1.e3", 2, "a digit"],
    ["1e+", 3, "a digit"],
    ["-x", 1, "a digit"],
    ['"\u0001"', 1, "the escape \\u0001 for a control character"],
    ['"\\x"', 2, 'one of " \\ / b f n r t u after \\'],
    ['"\\u00g0"', 5, "four hexadecimal digits after \\u"],
  ])("%j fails at %i", (text, offset, expected) => {
    expect(findJsonFault(text)).toEqual({ offset, expected });
  });

  it("refuses what JSON.parse refuses, and nothing else", () => {
    const mutated = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom("", ..."{}[]:,\"\\u1-.eE0 \t\nntf\u0007'"), fc.nat(2))
      .map(([json, where, insert, drop]) => {
        const at = where % (json.length + 1);
        return json.slice(0, at) + insert + json.slice(at + drop);
      });
    fc.assert(
      fc.property(
        fc.oneof(mutated, fc.string({ unit: fc.constantFrom(...'{}[]:,"\\u1-.eE0 ntf') })),
        (text) => {
          expect(findJsonFault(text) === null).toBe(parses(text));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("finds the first fault: everything before it begins some valid JSON", () => {
    const cut = fc.tuple(fc.json(), fc.nat()).map(([json, where]) => json.slice(0, where % json.length));
    fc.assert(
      fc.property(cut, (text) => {
        const fault = findJsonFault(text);
        // A beginning of JSON either is JSON itself (a number, say) or fails at its end, never before.
        if (fault !== null) expect(fault.offset).toBe(text.length);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("topLevelKeys", () => {
  it("gives every key in source order, with offsets, and none of the nested ones", () => {
    const text = ' {"a" : {"b":[1,{"c":"}"}]}, "te\\"xt":"x\\\\","a":null}';
    expect(topLevelKeys(text)).toEqual([
      { key: "a", keyOffset: 2, valueOffset: 8 },
      { key: 'te"xt', keyOffset: 29, valueOffset: 38 },
      { key: "a", keyOffset: 44, valueOffset: 48 },
    ]);
  });

  it("agrees with JSON.parse on any object", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(undefined, 1),
        (object, indent) => {
          const text = JSON.stringify(object, null, indent);
          const keys = topLevelKeys(text);
          expect(keys.map(({ key }) => key)).toEqual(Object.keys(JSON.parse(text) as object));
          for (const { keyOffset } of keys) expect(text[keyOffset]).toBe('"');
        },
      ),
    );
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
