import { describe, expect, it } from "vitest";
import { EngineError } from "../error.ts";
import { float32, int64 } from "../tensor.ts";
import { float, GraphBuilder } from "./builder.ts";
import { printGraph } from "./print.ts";

function encoder(): GraphBuilder {
  const b = new GraphBuilder("encoder");
  const ids = b.input("ids", "int64", ["B", "S"]);
  const table = b.weight("table", "float32", [100, 8], { location: "weights.bin", offset: 64, length: 3200 });
  const x = b.op("Gather", [table, ids]);
  const scale = b.constant(float32([1, 1, 1, 1, 1, 1, 1, 1], [8]), "scale");
  const [y] = b.node("LayerNormalization", [x, scale], { epsilon: float(0.5) }, { outputs: ["y"] });
  b.output(b.op("Clip", [y!, null, b.scalar(3)]), "clipped");
  b.output(b.op("Reshape", [y!, b.constant(int64([-1, 8], [2]))]), "rows");
  return b;
}

it("prints a graph, one line a value", () => {
  expect(printGraph(encoder().build())).toMatchInlineSnapshot(`
    "graph encoder(ids: int64[B, S])
      table: float32[100, 8] = weights.bin @64+3200
      scale: float32[8] = {1, 1, 1, 1, 1, 1, 1, 1}
      const_1: float32[] = {3}
      const_3: int64[2] = {-1, 8}
      Gather_0: float32[B, S, 8] = Gather(table: float32[100, 8], ids: int64[B, S])
      y: float32[B, S, 8] = LayerNormalization(Gather_0: float32[B, S, 8], scale: float32[8]; epsilon=0.5)
      Clip_2: float32[B, S, 8] = Clip(y: float32[B, S, 8], -, const_1: float32[])
      clipped: float32[B, S, 8] = Identity(Clip_2: float32[B, S, 8])
      Reshape_4: float32[B*S, 8] = Reshape(y: float32[B, S, 8], const_3: int64[2])
      rows: float32[B*S, 8] = Identity(Reshape_4: float32[B*S, 8])
      return clipped, rows"
  `);
});

it("reports a mistake at the line that made it, with the line quoted", () => {
  const b = new GraphBuilder("encoder");
  const x = b.input("x", "float32", ["B", "S", 8]);
  const w = b.constant(float32(new Float32Array(36), [6, 6]), "w");
  expect(() => b.op("MatMul", [x, w], {}, "projected")).toThrowErrorMatchingInlineSnapshot(`
    [EngineError: encoder: MatMul wants [.., M, K] and [.., K, N], seen: [B, S, 8] and [6, 6]
      in: projected = MatMul(x: float32[B, S, 8], w: float32[6, 6])]
  `);
  expect(() => b.op("MatMul", [x, w])).toThrow(EngineError);
  expect(() => b.op("MatMul", [x, w])).toThrow(expect.objectContaining({ code: "shape_mismatch" }));
});

describe("names", () => {
  it("are different for the outputs of one node", () => {
    const b = new GraphBuilder("g");
    const parts = b.node(
      "Split",
      [b.input("x", "float32", [4])],
      { axis: 0, num_outputs: 2 },
      { outputs: 2 },
    );
    expect(new Set(parts.map(({ name }) => name)).size).toBe(2);
  });

  it("step around those that are taken", () => {
    const b = new GraphBuilder("g");
    const x = b.input("Exp_0", "float32", [4]);
    expect(b.op("Exp", [x]).name).toBe("Exp_1");
    expect(() => b.input("Exp_1", "float32", [4])).toThrow("g: two values are named Exp_1");
  });

  it("are given to an output on demand", () => {
    const b = new GraphBuilder("g");
    const x = b.op("Exp", [b.input("x", "float32", [4])], {}, "y");
    expect(b.output(x, "y")).toBe(x);
    expect(b.output(x, "z").name).toBe("z");
    expect(b.build().outputs.map(({ name }) => name)).toEqual(["y", "z"]);
  });
});

describe("constants", () => {
  it("are one value where they are equal, of one type and one shape", () => {
    const b = new GraphBuilder("g");
    expect(b.scalar(0.5)).toBe(b.scalar(0.5));
    expect(b.ints([1])).toBe(b.ints([1]));
    expect(b.ints([1])).not.toBe(b.constant(int64([1], [])));
    expect(b.scalar(1)).not.toBe(b.constant(int64([1], [])));
    expect(b.build().initializers).toHaveLength(4);
  });

  it("carry a shape's symbols through Shape, Gather, Slice, Concat and arithmetic", () => {
    const b = new GraphBuilder("g");
    const x = b.input("x", "float32", ["B", "S", 6]);
    const shape = b.shapeOf(x);
    expect(b.shapeOf(x)).toBe(shape);
    const rows = b.op("Mul", [
      b.op("Gather", [shape, b.constant(int64([0], []))]),
      b.op("Gather", [shape, b.constant(int64([1], []))]),
    ]);
    const wanted = b.op("Concat", [b.op("Unsqueeze", [rows, b.ints([0])]), b.dimOf(x, 2)], { axis: 0 });
    expect(b.op("Reshape", [x, wanted]).shape).toEqual(["B*S", 6]);
    const halves = b.op("Div", [b.op("Slice", [shape, b.ints([2]), b.ints([3])]), b.ints([2])]);
    const split = b.op("Concat", [b.ints([0, 0, 2]), halves], { axis: 0 });
    expect(b.op("Reshape", [x, split]).shape).toEqual(["B", "S", 2, 3]);
    const longer = b.op("Add", [b.dimOf(x, 1), b.ints([1])]);
    expect(b.op("ConstantOfShape", [longer]).shape).toEqual(["S+1"]);
  });

  it("of numbers need no node for their shape", () => {
    const b = new GraphBuilder("g");
    b.shapeOf(b.input("x", "float32", [2, 3]));
    expect(b.build().nodes).toEqual([]);
  });
});

it("continues a graph", () => {
  const standing = encoder().build();
  const b = new GraphBuilder("more", standing);
  expect({ ...b.build(), name: "encoder" }).toEqual(standing);
  expect(b.op("Exp", [standing.outputs[0]!]).shape).toEqual(["B", "S", 8]);
  expect(() => b.input("ids", "int64", ["B"])).toThrow("more: two values are named ids");
});

it("adds the optional outputs of a node that stands already, once", () => {
  const b = encoder();
  const node = b.build().nodes.find(({ op }) => op === "LayerNormalization")!;
  const outputs = b.extendOutputs(node, 3);
  expect(outputs.map(({ shape }) => shape)).toEqual([
    ["B", "S", 8],
    ["B", "S", 1],
    ["B", "S", 1],
  ]);
  expect(b.extendOutputs(node, 2)).toBe(outputs);
});
