import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addDims,
  canonicalDim,
  type Dim,
  divideDims,
  evaluateDim,
  multiplyDims,
  productOfDims,
  subtractDims,
} from "./dim.ts";

const SYMBOLS = ["B", "P", "S", "past.len"] as const;

/** A dim by a few random operations on symbols and small numbers. */
const dim: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.integer({ min: -3, max: 12 }),
    fc.constantFrom(...SYMBOLS),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => addDims(a, b)),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => subtractDims(a, b)),
    fc.tuple(tie("dim"), fc.constantFrom<Dim>(2, ...SYMBOLS)).map(([a, b]) => multiplyDims(a, b)),
  ),
})).dim;

const bindings = fc
  .tuple(...SYMBOLS.map(() => fc.integer({ min: 0, max: 9 })))
  .map((sizes) => new Map(SYMBOLS.map((symbol, at) => [symbol as string, sizes[at] as number])));

describe("dims are a ring", () => {
  it("in which equal dims are ===", () => {
    fc.assert(
      fc.property(dim, dim, dim, (a, b, c) => {
        expect(addDims(a, b)).toBe(addDims(b, a));
        expect(multiplyDims(a, b)).toBe(multiplyDims(b, a));
        expect(addDims(addDims(a, b), c)).toBe(addDims(a, addDims(b, c)));
        expect(multiplyDims(multiplyDims(a, b), c)).toBe(multiplyDims(a, multiplyDims(b, c)));
        expect(multiplyDims(a, addDims(b, c))).toBe(addDims(multiplyDims(a, b), multiplyDims(a, c)));
        expect([addDims(a, 0), multiplyDims(a, 1), multiplyDims(a, 0)]).toEqual([a, a, 0]);
        expect(subtractDims(addDims(a, b), b)).toBe(a);
      }),
    );
  });

  it("that maps onto the numbers that the symbols stand for", () => {
    fc.assert(
      fc.property(dim, dim, bindings, (a, b, sizes) => {
        const value = (each: Dim) => evaluateDim(each, sizes);
        // + 0: minus zero is zero.
        expect(value(addDims(a, b))).toBe(value(a) + value(b) + 0);
        expect(value(subtractDims(a, b))).toBe(value(a) - value(b) + 0);
        expect(value(multiplyDims(a, b)) + 0).toBe(value(a) * value(b) + 0);
      }),
    );
  });

  it("with one spelling a value", () => {
    fc.assert(fc.property(dim, (a) => canonicalDim(a) === a));
  });

  it("where division undoes multiplication and leaves no rest unsaid", () => {
    fc.assert(
      fc.property(dim, dim, (a, b) => {
        if (b !== 0) expect(divideDims(multiplyDims(a, b), b)).toBe(a);
        const quotient = divideDims(a, b);
        if (quotient !== undefined) expect(multiplyDims(quotient, b)).toBe(a);
      }),
    );
  });
});

it.each<[Dim, Dim]>([
  ["S+P", "P+S"],
  ["S*B", "B*S"],
  ["1+S*2", "2*S+1"],
  ["S-S", 0],
  ["2*3", 6],
  ["-S+B", "B-S"],
])("%s reads %s", (written, canonical) => expect(canonicalDim(written)).toBe(canonical));

it.each<[Dim, Dim, Dim | undefined]>([
  ["384*B*P+384*B*S", "12*B*P+12*B*S", 32],
  ["B*P+B*S", "P+S", "B"],
  ["B*S", "P", undefined],
  ["3*S", 2, undefined],
  [0, "S", 0],
  [0, 0, undefined],
  ["S", 0, undefined],
])("%s / %s is %s", (a, b, quotient) => expect(divideDims(a, b)).toBe(quotient));

it("multiplies none to one", () => expect(productOfDims([])).toBe(1));

it.each(["", "B+", "B--P", "B P", "2S", "B/2", "(B)", "é"])("refuses %j", (text) =>
  expect(() => canonicalDim(text)).toThrow(/^dim /),
);

it("needs each symbol's size", () =>
  expect(() => evaluateDim("P+S", new Map([["S", 3]]))).toThrow("dim P+S: the symbol P has no value"));
