import { readFileSync } from "node:fs";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { prune } from "../autodiff/prune.ts";
import { openNodeSession } from "../session/node.ts";
import { float32 } from "../tensor.ts";
import { decodeOnnx } from "./decode.ts";
import { input, model } from "./test-model.ts";

/** A graph of opset 14, by goldens/make_legacy.py. */
const LEGACY = readFileSync(new URL("./goldens/legacy.onnx", import.meta.url));
const X = Float32Array.from({ length: 24 }, (_, at) => Math.sin(at));

describe("a file as older exporters wrote it", () => {
  test("gives the same numbers in today's words", async () => {
    const graph = prune(decodeOnnx(LEGACY, { fold: true }));
    const session = await openNodeSession(graph, { threads: 1 });
    const ours = await session.run({ x: float32(X, [2, 2, 3, 2]) });
    await session.release();
    const original = await InferenceSession.create(LEGACY);
    const theirs = await original.run({ x: new OrtTensor("float32", X, [2, 2, 3, 2]) });
    for (const name of ["y", "tokens"]) {
      const [seen, wanted] = [ours[name]!, theirs[name]!];
      expect(seen.dims).toEqual(wanted.dims);
      const numbers = wanted.data as Float32Array;
      const difference = (seen.data as Float32Array).map((x, at) => x - (numbers[at] as number));
      expect(Math.max(...difference.map(Math.abs))).toBeLessThan(1e-6);
    }
  });

  test("folded, only what sees data is left", () => {
    const { nodes, outputs } = prune(decodeOnnx(LEGACY, { fold: true }));
    expect(outputs.map(({ shape }) => shape)).toEqual([
      ["rows_in", 6],
      ["rows_in", 1, 2],
    ]);
    const computed = nodes.map(({ outputs: [first] }) => first?.name);
    for (const gone of ["three", "ones", "minuses", "length"]) expect(computed).not.toContain(gone);
    expect(computed).toContain("tokens");
  });
});

test("a constant of gigabytes isn't computed because a few bytes ask for it", () => {
  const dims = {
    name: "dims",
    dataType: 7,
    dims: [2n],
    rawData: new Uint8Array(BigInt64Array.of(2n ** 20n, 2n ** 20n).buffer),
  };
  const node = { name: "fill", opType: "ConstantOfShape", input: ["dims"], output: ["huge"] };
  const bytes = model({ initializer: [dims], node: [node], output: [input("huge")] });
  const { nodes } = decodeOnnx(bytes, { fold: true });
  expect(nodes.map(({ op }) => op)).toEqual(["ConstantOfShape"]);
});

test("an op that nobody knows is left out with all behind it, where that is asked for", () => {
  const nodes = [
    { name: "known", opType: "Add", input: ["x", "w"], output: ["sum"] },
    { name: "strange", opType: "NonMaxSuppression", input: ["sum", "w"], output: ["kept"] },
    { name: "behind", opType: "Neg", input: ["kept"], output: ["y"] },
  ];
  const bytes = model({ node: nodes, output: [input("y")] });
  expect(() => decodeOnnx(bytes)).toThrow('saw "NonMaxSuppression"');
  const seen: string[] = [];
  const graph = decodeOnnx(bytes, { onUnknown: (op) => seen.push(op) });
  expect(seen).toEqual(["NonMaxSuppression"]);
  expect(graph.nodes.map(({ op }) => op)).toEqual(["Add"]);
  expect(graph.outputs.map(({ name }) => name)).toEqual(["sum"]);
});
