import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { float, GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import type { Attribute, Graph } from "../ir/graph.ts";
import { readSafetensorsHeader } from "../safetensors/read.ts";
import { writeSafetensors } from "../safetensors/write.ts";
import { float32, int64, type Tensor } from "../tensor.ts";
import { decodeOnnx } from "./decode.ts";
import { encodeOnnx } from "./encode.ts";

describe("ONNX Runtime runs what is encoded", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kilotune-onnx-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("with constants inside and symbolic dims, also sums of them", async () => {
    const builder = new GraphBuilder("join");
    const prefix = builder.input("prefix", "float32", ["P", 2]);
    const rows = builder.input("rows", "float32", ["S", 2]);
    const joined = builder.op("Concat", [prefix, rows], { axis: 0 });
    builder.output(builder.op("Mul", [joined, builder.scalar(0.5)]), "y");
    const graph = builder.build();
    expect(graph.outputs[0]!.shape).toEqual(["P+S", 2]);

    const session = await InferenceSession.create(encodeOnnx(graph));
    const { y } = await session.run({
      prefix: new OrtTensor("float32", [2, 4], [1, 2]),
      rows: new OrtTensor("float32", [6, 8, 10, 12], [2, 2]),
    });
    expect(y).toMatchObject({ dims: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
  });

  test("with weights in a safetensors file beside it, at their offsets", async () => {
    const tensors = new Map<string, Tensor>([
      ["bias", float32([100, 200], [2])],
      ["ids", int64([1, 0], [2])],
      ["kernel", float32([1, 2, 3, 4, 5, 6], [3, 2])],
    ]);
    const file = writeSafetensors(tensors);
    const header = await readSafetensorsHeader(async (at, size) => file.subarray(at, at + size), file.length);
    const builder = new GraphBuilder("external");
    const [bias, ids, kernel] = [...tensors].map(([name, { type, dims }]) => {
      const { offset, length } = header.entries.get(name)!;
      return builder.weight(name, type, dims, { location: "weights.safetensors", offset, length });
    });
    const projected = builder.op("MatMul", [builder.input("x", "float32", ["B", 3]), kernel!]);
    const added = builder.op("Add", [projected, bias!]);
    builder.output(builder.op("Gather", [added, ids!], { axis: 1 }), "y");

    await writeFile(join(folder, "weights.safetensors"), file);
    await writeFile(join(folder, "model.onnx"), encodeOnnx(builder.build()));
    const session = await InferenceSession.create(join(folder, "model.onnx"));
    const { y } = await session.run({ x: new OrtTensor("float32", [1, 0, 0, 1, 1, 1], [2, 3]) });
    expect(y).toMatchObject({ dims: [2, 2], data: Float32Array.of(202, 101, 212, 109) });
  });

  test("with attributes of each kind, and (it once crashed ONNX Runtime) a last input left out", async () => {
    const builder = new GraphBuilder("attributes");
    const x = builder.input("x", "float32", [1, 2]);
    const filled = builder.op("ConstantOfShape", [builder.ints([2, 1])], {
      value: { type: "tensor", value: float32([3], [1]) },
    });
    const turned = builder.op("Transpose", [filled], { perm: [1, 0] });
    const scale = builder.constant(float32([1, 1], [2]));
    const gelu = builder.op("Gelu", [builder.op("Add", [x, turned])], { approximate: "none" });
    builder.output(builder.op("LayerNormalization", [gelu, scale, null], { epsilon: float(1e-5) }), "y");
    const session = await InferenceSession.create(encodeOnnx(builder.build()));
    const { y } = await session.run({ x: new OrtTensor("float32", [0, 7], [1, 2]) });
    expect((y!.data as Float32Array).map(Math.round)).toEqual(Float32Array.of(-1, 1));
  });
});

describe("property: what is encoded decodes to the same graph", () => {
  const names = fc.string({ unit: "grapheme", minLength: 1 });
  const natural = fc.integer({ min: 0, max: 2 ** 52 });

  test("values, constants of every type, external data", () => {
    const dims = fc.array(fc.oneof(fc.nat(9), fc.constantFrom<Dim>("B", "P+S", "2*S+1")), { maxLength: 4 });
    const constants = fc.constantFrom<Tensor>(
      float32([1.5, -0, NaN, Infinity], [2, 2]),
      float32([], [0, 3]),
      int64([-(2 ** 40), 7], [2]),
      { type: "float64", dims: [1], data: Float64Array.of(Math.PI) },
      { type: "float16", dims: [], data: Uint16Array.of(0x3c00) },
      { type: "int32", dims: [2], data: Int32Array.of(-1, 1) },
      { type: "int8", dims: [1], data: Int8Array.of(-128) },
      { type: "uint8", dims: [1], data: Uint8Array.of(255) },
      { type: "bool", dims: [2], data: Uint8Array.of(0, 1) },
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(names, { minLength: 4 }),
        dims,
        constants,
        natural,
        (unique, shape, constant, offset) => {
          const [x, weight, held, y] = unique as [string, string, string, string];
          const builder = new GraphBuilder(x);
          const value = builder.input(x, "float32", shape);
          builder.weight(weight, "float16", [3, 2], { location: "weights.bin", offset, length: 12 });
          builder.constant(constant, held);
          builder.output(builder.op("Neg", [value], {}, y));
          expectSame(builder.build());
        },
      ),
    );
  });

  test("attributes of each kind, whatever their names", () => {
    const int = fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 });
    const attribute: fc.Arbitrary<Attribute> = fc.oneof(
      fc.record({ type: fc.constant("int" as const), value: int }),
      fc.record({ type: fc.constant("ints" as const), value: fc.array(int) }),
      fc.record({ type: fc.constant("float" as const), value: fc.float() }),
      fc.record({ type: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
      fc.constant<Attribute>({ type: "tensor", value: int64([3], [1]) }),
    );
    const keys = fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("__proto__"));
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, attribute)), (pairs) => {
        const builder = new GraphBuilder("attributes");
        const x = builder.input("x", "float32", ["B"]);
        builder.output(builder.op("Neg", [x], Object.fromEntries(pairs)));
        expectSame(builder.build());
      }),
    );
  });
});

function expectSame(graph: Graph): void {
  expect(decodeOnnx(encodeOnnx(graph))).toEqual(graph);
}
