import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { float32 } from "../tensor.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { encodeOnnx } from "./encode.ts";
import { readOnnxMetadata } from "./metadata.ts";

describe("an exporter's words", () => {
  const b = new GraphBuilder("plain");
  b.output(b.op("Add", [b.input("x", "float32", [2]), b.constant(float32([1, 2], [2]))]), "y");
  const plain = encodeOnnx(b.build());

  it("are read wherever they stand, and none where there are none", () => {
    expect(readOnnxMetadata(plain)).toEqual(new Map());
    const told = entry("names", "{0: 'Zoë'}");
    const expected = new Map([["names", "{0: 'Zoë'}"]]);
    expect(readOnnxMetadata(Uint8Array.from([...plain, ...told]))).toEqual(expected);
    expect(readOnnxMetadata(Uint8Array.from([...told, ...plain]))).toEqual(expected);
  });

  it("are few and short", () => {
    const many = Array.from({ length: 100 }, (_, at) => [...entry(`key ${at}`, "")]).flat();
    expect(readOnnxMetadata(Uint8Array.from(many)).size).toBe(64);
    expect(readOnnxMetadata(entry("k".repeat(201), "x"))).toEqual(new Map());
    expect(readOnnxMetadata(entry("k", "x".repeat(300_000)))).toEqual(new Map([["k", ""]]));
  });

  it("of any bytes are read without harm", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readOnnxMetadata(bytes)));
    const whole = Uint8Array.from([...plain, ...entry("a", "b")]);
    for (let cut = 0; cut < whole.length; cut++)
      expect(readOnnxMetadata(whole.subarray(0, cut)).size).toBe(0);
  });
});

/** A field 14 of a message with the strings 1 and 2. */
function entry(key: string, value: string): Uint8Array {
  const string = (number: number, words: string) => field(number, new TextEncoder().encode(words));
  return field(14, Uint8Array.from([...string(1, key), ...string(2, value)]));
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let left = bytes.length; ; left >>= 7) {
    length.push(left < 128 ? left : (left & 127) | 128);
    if (left < 128) break;
  }
  const whole = new Uint8Array(1 + length.length + bytes.length);
  whole.set([number * 8 + 2, ...length]);
  whole.set(bytes, 1 + length.length);
  return whole;
}
