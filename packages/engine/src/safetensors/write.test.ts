import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DType, sizeOf, type Tensor } from "../tensor.ts";
import { readSafetensors } from "./read.ts";
import { tensorFromBytes } from "./tensor-bytes.ts";
import { layOutSafetensors, writeSafetensors, writeSafetensorsStream } from "./write.ts";

const DTYPES: DType[] = ["float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool"];

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat(4), { maxLength: 4 }), fc.infiniteStream(fc.nat(255)))
  .map(([dtype, dims, source]) => {
    const width = tensorFromBytes(dtype, [0], new Uint8Array()).data.BYTES_PER_ELEMENT;
    const bytes = Uint8Array.from(source.take(sizeOf(dims) * width));
    return tensorFromBytes(dtype, dims, dtype === "bool" ? bytes.map((byte) => byte & 1) : bytes);
  });

const anyTensors = fc
  .array(fc.tuple(fc.string({ unit: "grapheme" }), anyTensor), { maxLength: 6 })
  .map((named) => new Map(named));

const anyMetadata = fc
  .array(fc.tuple(fc.string({ unit: "grapheme" }), fc.string()))
  .map((pairs) => new Map(pairs));

describe("writeSafetensors", () => {
  test("property: what is written reads back the same", () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
        const file = readSafetensors(writeSafetensors(tensors, metadata));
        expect(file.metadata).toEqual(metadata);
        expect(file.tensors.size).toBe(tensors.size);
        for (const [name, { type, dims, data }] of tensors) {
          const seen = file.tensors.get(name)!;
          expect([seen.type, seen.dims]).toEqual([type, dims]);
          expect(Buffer.compare(bytesOf(seen.data), bytesOf(data))).toBe(0);
        }
      }),
    );
  });

  test("property: the order in which tensors and metadata are given doesn't show", () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
        const reversed = writeSafetensors(new Map([...tensors].reverse()), new Map([...metadata].reverse()));
        expect(Buffer.compare(reversed, writeSafetensors(tensors, metadata))).toBe(0);
      }),
    );
  });

  test("property: the data starts at a multiple of 64 and every tensor is aligned", () => {
    fc.assert(
      fc.property(anyTensors, (tensors) => {
        const file = writeSafetensors(tensors);
        for (const { data } of readSafetensors(file).tensors.values()) expect(data.buffer).toBe(file.buffer);
        const stored = [...tensors].map(([name, { type, dims }]) => ({ name, dtype: type, dims }));
        expect(layOutSafetensors(stored).header.dataOffset % 64).toBe(0);
      }),
    );
  });

  test("no tensors at all make a file of a header", () => {
    const file = writeSafetensors(new Map());
    expect(file.length).toBe(64);
    expect(readSafetensors(file).tensors.size).toBe(0);
  });

  test("the name of the metadata is taken", () => {
    const tensor: Tensor = { type: "uint8", dims: [1], data: Uint8Array.of(1) };
    expect(() => writeSafetensors(new Map([["__metadata__", tensor]]))).toThrow("__metadata__");
  });
});

describe("writeSafetensorsStream", () => {
  test("property: its chunks are the file, and the layout foretells them", async () => {
    await fc.assert(
      fc.asyncProperty(anyTensors, anyMetadata, async (tensors, metadata) => {
        const stored = [...tensors].map(([name, { type, dims }]) => ({ name, dtype: type, dims }));
        const chunks: Uint8Array[] = [];
        for await (const chunk of writeSafetensorsStream(stored, metadata, (name) =>
          bytesOf(tensors.get(name)!.data),
        )) {
          chunks.push(chunk);
        }
        const streamed = Buffer.concat(chunks);
        const { sizeBytes, header } = layOutSafetensors(stored, metadata);
        expect(Buffer.compare(streamed, writeSafetensors(tensors, metadata))).toBe(0);
        expect(streamed.length).toBe(sizeBytes);
        for (const [name, { offset, length }] of header.entries) {
          const seen = streamed.subarray(offset, offset + length);
          expect(Buffer.compare(seen, bytesOf(tensors.get(name)!.data))).toBe(0);
        }
      }),
    );
  });

  test("bfloat16 is written as it is", async () => {
    const bits = Uint16Array.of(0x3f80, 0xc000);
    const chunks: Uint8Array[] = [];
    const stored = [{ name: "a", dtype: "bfloat16", dims: [2] } as const];
    for await (const chunk of writeSafetensorsStream(stored, new Map(), () => bytesOf(bits)))
      chunks.push(chunk);
    expect(readSafetensors(Buffer.concat(chunks)).tensors.get("a")!.data).toEqual(Float32Array.of(1, -2));
  });

  test("data that don't fill the shape, and names twice, are the caller's mistake", async () => {
    const stored = { name: "a", dtype: "float32", dims: [2] } as const;
    const short = writeSafetensorsStream([stored], new Map(), () => new Uint8Array(7));
    await short.next();
    await expect(short.next()).rejects.toThrow("7 bytes given, its shape has 8");
    expect(() => layOutSafetensors([stored, stored])).toThrow("may be named a");
  });
});

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
