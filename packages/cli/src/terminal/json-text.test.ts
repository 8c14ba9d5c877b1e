import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonText } from "./json-text.ts";

it("writes a Map as an object with its keys in order, __proto__ and numbers among them", () => {
  const labels = new Map([
    ["refund", 1],
    ["__proto__", 2],
    ["7", 3],
  ]);
  expect(jsonText({ labels })).toBe('{"labels":{"refund":1,"__proto__":2,"7":3}}');
});

it("has null for numbers that JSON hasn't, and leaves out what is undefined", () => {
  expect(jsonText({ a: Number.NaN, b: undefined, c: [undefined] })).toBe('{"a":null,"c":[null]}');
});

it("equals JSON.stringify on plain data, and stays one line", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(jsonText(value)).toBe(JSON.stringify(value));
      expect(jsonText(value)).not.toContain("\n");
    }),
  );
});
