import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { float, GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { crossEntropy } from "../losses.ts";
import { asFloat32, worstError } from "../ops/testing.ts";
import { openNodeSession } from "../session/node.ts";
import { openReferenceSession } from "../session/reference.ts";
import { float32, type Tensor } from "../tensor.ts";
import { differentiate } from "./gradient.ts";

interface Cell {
  dims: number[];
  data: number[];
}

/** PyTorch's numbers, by goldens/make.py. */
const GOLDEN: {
  inputs: Record<string, Cell>;
  weights: Record<string, Cell>;
  loss: number;
  logits: Cell;
  gradients: Record<string, Cell>;
} = JSON.parse(readFileSync(new URL("./goldens/attention.json", import.meta.url), "utf8"));

const FEEDS = Object.fromEntries(
  Object.entries(GOLDEN.inputs).map(([name, { dims, data }]): [string, Tensor] => [
    name,
    { type: "float64", dims, data: Float64Array.from(data) },
  ]),
);

/** B rows, S tokens, P prompt tokens, H = 8 wide, 2 heads of 4, C = 3 classes. */
function encoderLayer(): Graph {
  const b = new GraphBuilder("layer");
  const input = (name: string, ...shape: Dim[]) => b.input(name, "float32", shape);
  const weight = (name: string) => {
    const { dims, data } = GOLDEN.weights[name] as Cell;
    return b.constant(float32(data, dims), name);
  };
  const dense = (x: Value, name: string) =>
    b.op("Add", [b.op("MatMul", [x, weight(name)]), weight(`${name}Bias`)]);
  const layerNorm = (x: Value, at: number) =>
    b.op("LayerNormalization", [x, weight(`scale${at}`), weight(`shift${at}`)], { epsilon: float(2 ** -16) });

  const x = input("x", "B", "S", 8);
  const promptKeys = input("promptKeys", "B", 2, "P", 4);
  const promptValues = input("promptValues", "B", 2, "P", 4);
  const mask = input("mask", "B", "S");
  const split = (value: Value) =>
    b.op("Transpose", [b.op("Reshape", [value, b.ints([0, 0, 2, -1])])], { perm: [0, 2, 1, 3] });
  const keys = b.op("Concat", [promptKeys, split(dense(x, "key"))], { axis: 2 });
  const values = b.op("Concat", [promptValues, split(dense(x, "value"))], { axis: 2 });
  const visible = b.op("Expand", [
    b.scalar(1),
    b.op("Concat", [b.dimOf(mask, 0), b.dimOf(promptKeys, 2)], { axis: 0 }),
  ]);
  const seen = b.op("Unsqueeze", [b.op("Concat", [visible, mask], { axis: 1 }), b.ints([1, 2])]);
  const hidden = b.op("Mul", [b.op("Sub", [seen, b.scalar(1)]), b.scalar(1024)]);
  const products = b.op("MatMul", [
    split(dense(x, "query")),
    b.op("Transpose", [keys], { perm: [0, 1, 3, 2] }),
  ]);
  const scores = b.op("Add", [b.op("Mul", [products, b.scalar(0.5)]), hidden]);
  const mixed = b.op("MatMul", [b.op("Softmax", [scores], { axis: -1 }), values]);
  const joined = b.op("Reshape", [b.op("Transpose", [mixed], { perm: [0, 2, 1, 3] }), b.ints([0, 0, 8])]);
  const first = layerNorm(b.op("Add", [x, dense(joined, "out")]), 1);
  const inner = dense(b.op("Gelu", [dense(first, "up")]), "down");
  const second = layerNorm(b.op("Add", [first, inner]), 2);
  const real = b.op("Unsqueeze", [mask, b.ints([2])]);
  const sum = b.op("ReduceSum", [b.op("Mul", [second, real]), b.ints([1])], { keepdims: 0 });
  const pooled = b.op("Div", [sum, b.op("ReduceSum", [real, b.ints([1])], { keepdims: 0 })]);
  const logits = b.op("Gemm", [pooled, input("head", 3, 8), input("headBias", 3)], { transB: 1 });
  b.output(logits, "logits");
  b.output(crossEntropy(b, logits, input("targets", "B", 3), input("weights", "B")), "loss");
  return b.build();
}

const GRADIENTS = differentiate(encoderLayer(), { loss: "loss", wrt: Object.keys(GOLDEN.gradients) });

function expectGolden(results: Record<string, Tensor>, tolerance: number): void {
  expect(worstError(results.logits, GOLDEN.logits)).toBeLessThan(tolerance);
  expect(worstError(results.loss, { data: [GOLDEN.loss] })).toBeLessThan(tolerance);
  for (const [name, wanted] of Object.entries(GOLDEN.gradients)) {
    expect(results[`grad.${name}`]?.dims).toEqual(wanted.dims);
    expect(worstError(results[`grad.${name}`], wanted)).toBeLessThan(tolerance);
  }
}

it("gives PyTorch's gradients of an encoder layer with a prompt in the float64 interpreter", async () => {
  // 1e-7, not 1e-12: Gelu's rule holds sqrt(1/2) as a float32.
  expectGolden(await openReferenceSession(GRADIENTS).run(FEEDS), 1e-7);
});

it("gives PyTorch's gradients of an encoder layer with a prompt on ONNX Runtime", async () => {
  const session = await openNodeSession(GRADIENTS);
  expectGolden(await session.run(asFloat32(FEEDS)), 1e-5);
  await session.release();
});

it("runs without a prompt, on both", async () => {
  const empty: Tensor = { type: "float64", dims: [2, 2, 0, 4], data: new Float64Array() };
  const feeds = { ...FEEDS, promptKeys: empty, promptValues: empty };
  const session = await openNodeSession(encoderLayer());
  const seen = await session.run(asFloat32(feeds));
  const { logits } = await openReferenceSession(encoderLayer()).run(feeds);
  expect(worstError(seen.logits, logits as Tensor)).toBeLessThan(1e-5);
  await session.release();
});
