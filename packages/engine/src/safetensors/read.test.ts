import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EngineError } from "../error.ts";
import { float16ToFloat32 } from "../float16.ts";
import { float32, int64, type Tensor } from "../tensor.ts";
import { readSafetensors, readSafetensorsHeader, readTensor } from "./read.ts";
import { writeSafetensors } from "./write.ts";

const GOLDEN = readFileSync(new URL("./goldens/mixed.safetensors", import.meta.url));

describe("a file of the reference implementation", () => {
  const { tensors, metadata } = readSafetensors(GOLDEN);

  test("every element type reads as it was written", () => {
    expect(metadata).toEqual(
      new Map([
        ["format", "pt"],
        ["note", 'a "quote" é'],
      ]),
    );
    expect(tensors.get("weight")).toEqual(float32([1.5, -2, 0.1, 3, 65504, -0], [2, 3]));
    expect(tensors.get("double")!.data).toEqual(Float64Array.of(0.1, 1e300));
    expect(tensors.get("half")!.type).toBe("float16");
    expect(float16ToFloat32(tensors.get("half")!.data as Uint16Array)).toEqual(
      Float32Array.of(1, -2, 2 ** -24),
    );
    expect(tensors.get("brain")).toEqual(float32([1, -2, 3.140625], [3]));
    expect(tensors.get("ids")!.data).toEqual(BigInt64Array.of(1n, -(2n ** 62n)));
    expect(tensors.get("small")!.data).toEqual(Int32Array.of(7, -7));
    expect(tensors.get("quantised")!.data).toEqual(Int8Array.of(-128, 127, 0));
    expect(tensors.get("bytes")!.data).toEqual(Uint8Array.of(0, 255));
    expect(tensors.get("mask")).toEqual({ type: "bool", dims: [2, 1], data: Uint8Array.of(1, 0) });
    expect(tensors.get("scalar")).toEqual(float32([42], []));
    expect(tensors.get("empty")).toEqual(float32([], [0, 3]));
    expect(tensors.get("ünï.0")!.data).toEqual(Uint8Array.of(9));
    expect(tensors.size).toBe(12);
  });

  test("the header alone says where each tensor lies", async () => {
    const read = async (offset: number, length: number) => GOLDEN.subarray(offset, offset + length);
    const header = await readSafetensorsHeader(read, GOLDEN.length);
    expect(header.metadata).toEqual(metadata);
    expect(header.entries.get("brain")!.dtype).toBe("bfloat16");
    for (const [name, entry] of header.entries) {
      expect(readTensor(name, entry, await read(entry.offset, entry.length))).toEqual(tensors.get(name));
    }
  });

  test("a reader that gives too few bytes is found out", async () => {
    await expect(
      readSafetensorsHeader(async () => GOLDEN.subarray(0, 8), GOLDEN.length),
    ).rejects.toMatchObject({
      code: "bad_safetensors",
    });
    const { entries } = await readSafetensorsHeader(
      async (at, size) => GOLDEN.subarray(at, at + size),
      GOLDEN.length,
    );
    expect(() => readTensor("weight", entries.get("weight")!, GOLDEN.subarray(0, 4))).toThrow("24 bytes");
  });
});

test("tensors are views of the file where it is aligned, copies where it isn't", () => {
  const file = writeSafetensors(new Map([["a", float32([1, 2], [2])]]));
  const shifted = new Uint8Array(file.length + 1);
  shifted.set(file, 1);
  expect(readSafetensors(file).tensors.get("a")!.data.buffer).toBe(file.buffer);
  expect(readSafetensors(shifted.subarray(1)).tensors.get("a")).toEqual(float32([1, 2], [2]));
  expect(readSafetensors(Buffer.from(shifted.buffer, 1)).tensors.get("a")).toEqual(float32([1, 2], [2]));
});

test("__proto__ is a name like any other", () => {
  const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';
  const { tensors } = readSafetensors(file(`{"__proto__":${entry}}`, 1));
  expect([...tensors.keys()]).toEqual(["__proto__"]);
  expect({}).not.toHaveProperty("dtype");
});

describe("what is refused", () => {
  const OK = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';

  test("the file that the cases below spoil is sound", () => {
    expect(readSafetensors(file(OK, 8)).tensors.get("a")).toEqual(float32([0, 0], [2]));
  });

  const one = (entry: string, dataBytes = 8) => file(`{"a":${entry}}`, dataBytes);
  const two = (first: string, second: string, dataBytes: number) =>
    file(
      `{"a":{"dtype":"U8","shape":[2],"data_offsets":${first}},"b":{"dtype":"U8","shape":[2],"data_offsets":${second}}}`,
      dataBytes,
    );
  const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

  const CASES: readonly [what: string, bytes: Uint8Array, message: string][] = [
    ["an empty file", new Uint8Array(), "looks like an empty file"],
    ["three bytes", Uint8Array.of(1, 2, 3), "a file of 3 bytes"],
    ["a header length of 2^63", withLength(2n ** 63n), "a length of 9223372036854775808"],
    ["a header past the end", withLength(1000n), "a header within the"],
    ["a header length of 0", withLength(0n), 'a header that starts with "{"'],
    ["a header of an array", file("[]", 0), 'a header that starts with "{"'],
    ["a header of spaces first", file(` ${OK}`, 8), 'a header that starts with "{"'],
    ["a header that isn't JSON", file(`${OK}}`, 8), "a header in JSON and UTF-8"],
    ["a header that isn't UTF-8", file(OK.replace("a", "\xff"), 8), "a header in JSON and UTF-8"],
    ["a file cut off", file(OK, 7), "expected a file of"],
    ["trailing bytes", file(OK, 9), "1 bytes after the last tensor"],
    ["a name twice", file(OK.replace("}}", `},${OK.slice(1)}`), 8), '"a" twice'],
    [
      "a name twice, spelt in two ways",
      file(OK.replace("}}", `},${OK.slice(1).replace('"a"', '"\\u0061"')}`), 8),
      '"a" twice',
    ],
    ["a field twice", one('{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}'), '"shape" twice'],
    ["a metadata key twice", file('{"__metadata__":{"k":"1","k":"2"}}', 0), '"k" twice'],
    ["metadata that aren't strings", file('{"__metadata__":{"k":1}}', 0), 'number at "k"'],
    ["metadata that are no object", file('{"__metadata__":["k"]}', 0), "to map strings to strings"],
    ["overlapping tensors", two("[0,2]", "[1,3]", 3), "1 (an overlap)"],
    ["two tensors in one place", two("[0,2]", "[0,2]", 2), "0 (an overlap)"],
    ["a gap between tensors", two("[0,2]", "[3,5]", 5), "3 (a gap)"],
    ["a gap before the first tensor", two("[1,3]", "[3,5]", 5), "1 (a gap)"],
    ["offsets that run backwards", two("[2,0]", "[2,4]", 4), "[2,0]"],
    ["one offset", one('{"dtype":"F32","shape":[2],"data_offsets":[0]}'), "[begin, end]"],
    ["three offsets", one('{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}'), "[begin, end]"],
    ["a negative dim", one('{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}'), "dims >= 0"],
    ["a dim of minus zero", one('{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}', 0), "dims >= 0"],
    ["a fractional dim", one('{"dtype":"F32","shape":[0.5,4],"data_offsets":[0,8]}'), "dims >= 0"],
    ["a dim of 2^53", one('{"dtype":"F32","shape":[9007199254740992],"data_offsets":[0,8]}'), "dims >= 0"],
    ["a shape of text", one('{"dtype":"F32","shape":"2","data_offsets":[0,8]}'), "dims >= 0"],
    [
      "seventeen dims",
      one(`{"dtype":"F32","shape":[2${",1".repeat(16)}],"data_offsets":[0,8]}`),
      "at most 16",
    ],
    [
      "dims whose product wraps around at 2^64",
      one('{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}', 0),
      "to have 18446744073709552000 bytes",
    ],
    [
      "more bytes than the shape has",
      one('{"dtype":"F32","shape":[1],"data_offsets":[0,8]}'),
      "to have 4 bytes",
    ],
    ["an unknown dtype", one('{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}'), "F8_E4M3"],
    [
      "a dtype of the prototype",
      one('{"dtype":"constructor","shape":[8],"data_offsets":[0,8]}'),
      "constructor",
    ],
    ["a missing field", one('{"dtype":"F32","shape":[2]}'), "to have dtype, shape and data_offsets"],
    ["an unknown field", one(OK.slice(5, -2).concat(',"x":1}')), "to have dtype, shape and data_offsets"],
    ["an entry of null", one("null"), "but saw null"],
    [
      "a bool that is 2",
      file('{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}', 1, 2),
      "bytes 0 and 1",
    ],
    ["a pickle", bytes("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."), "looks like a Python pickle"],
    ["a zip archive", bytes("PK\x03\x04\x00\x00\x08\x08\x00\x00"), "looks like a zip archive"],
    ["a web page", bytes("<!DOCTYPE html><html>"), "looks like a web page"],
    [
      "a git-lfs pointer",
      bytes("version https://git-lfs.github.com/spec/v1"),
      "looks like a pointer of git-lfs",
    ],
    ["JSON alone", bytes(OK), "looks like JSON without the header length"],
    ["GGUF", bytes("GGUF\x03\x00\x00\x00\x00\x00"), "looks like a GGUF file"],
  ];

  test.each(CASES)("%s", (_what, spoilt, message) => {
    const error = refusal(() => readSafetensors(spoilt));
    expect(error).toMatchObject({ code: "bad_safetensors", kind: "input" });
    expect(error.message).toContain(message);
    expect(error.hint).not.toBe("");
  });

  test("a header or a number of tensors over the caps", () => {
    expect(() => readSafetensors(file(OK, 8), { headerBytes: 10 })).toThrow("at most 10 bytes");
    expect(() => readSafetensors(two("[0,2]", "[2,4]", 4), { tensors: 1 })).toThrow("at most 1 tensors");
  });

  test("messages show no more than a little of a hostile name", () => {
    const name = `\\u001b[31m${"x".repeat(10_000)}`;
    const { message } = refusal(() => readSafetensors(file(`{"${name}":1}`, 0)));
    expect(message.length).toBeLessThan(300);
    expect(message).not.toContain("\u001b");
  });

  test("a header of 2 MB of brackets ends in a refusal, not in a stack overflow", () => {
    const depth = 2 ** 20;
    const nested = `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(refusal(() => readSafetensors(file(nested, 0))).code).toBe("bad_safetensors");
  });
});

describe("fuzz: damage ends in a refusal or in sound tensors", () => {
  const sound = writeSafetensors(
    new Map<string, Tensor>([
      ["layer.0.weight", float32([1, 2, 3, 4, 5, 6], [2, 3])],
      ["layer.0.ids", int64([1, 2], [2])],
      ["mask", { type: "bool", dims: [3], data: Uint8Array.of(1, 0, 1) }],
    ]),
    new Map([["manifest", '{"version":1}']]),
  );

  test.each([
    ["ours", sound],
    ["the reference's", new Uint8Array(GOLDEN)],
  ])("bytes of %s changed", (_whose, original) => {
    const changes = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(changes, fc.option(fc.nat(original.length)), (spots, cut) => {
        const damaged = original.slice(0, cut ?? original.length);
        for (const [at, byte] of spots) if (at < damaged.length) damaged[at] = byte;
        expectSoundOrRefused(damaged);
      }),
      { numRuns: 3000 },
    );
  });

  test("any JSON as a header", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(20), (json, dataBytes) => {
        expectSoundOrRefused(file(json, dataBytes));
        expectSoundOrRefused(file(`{"a":${json}}`, dataBytes));
      }),
      { numRuns: 2000 },
    );
  });
});

function expectSoundOrRefused(bytes: Uint8Array): void {
  try {
    for (const { dims, data } of readSafetensors(bytes).tensors.values()) {
      expect(data.length).toBe(dims.reduce((product, dim) => product * dim, 1));
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    expect(error.code).toBe("bad_safetensors");
  }
}

/** A file with this header and `dataBytes` bytes of `fill`; characters up to \xff stand for one byte each. */
function file(header: string, dataBytes: number, fill = 0): Uint8Array {
  const framed = new Uint8Array(8 + header.length + dataBytes).fill(fill);
  new DataView(framed.buffer).setBigUint64(0, BigInt(header.length), true);
  for (let at = 0; at < header.length; at++) framed[8 + at] = header.charCodeAt(at);
  return framed;
}

function withLength(length: bigint): Uint8Array {
  const spoilt = file("{}", 10);
  new DataView(spoilt.buffer).setBigUint64(0, length, true);
  return spoilt;
}

function refusal(act: () => unknown): EngineError {
  try {
    act();
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
