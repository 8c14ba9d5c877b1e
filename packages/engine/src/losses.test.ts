import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { differentiate } from "./autodiff/gradient.ts";
import { GraphBuilder } from "./ir/builder.ts";
import type { Graph, Value } from "./ir/graph.ts";
import { cosineHead, crossEntropy, meanSquaredError, normalize, sigmoidCrossEntropy } from "./losses.ts";
import { slopes, worstError } from "./ops/testing.ts";
import { openReferenceSession } from "./session/reference.ts";
import type { Tensor } from "./tensor.ts";

interface Cell {
  dims: number[];
  data: number[];
}
interface LossGolden {
  x: Cell;
  targets: Cell;
  weights: Cell;
  loss: number;
  gradient: Cell;
}

/** PyTorch's numbers, by autodiff/goldens/make.py. */
const GOLDEN: Record<string, LossGolden> & {
  cosineHead: { features: Cell; prototypes: Cell; upstream: Cell; logits: Cell; gradients: Cell[] };
} = JSON.parse(readFileSync(new URL("./autodiff/goldens/losses.json", import.meta.url), "utf8"));

type Loss = (b: GraphBuilder, x: Value, targets: Value, weights: Value) => Value;

const LOSSES: readonly [name: string, loss: Loss][] = [
  ["crossEntropy", crossEntropy],
  ["sigmoidCrossEntropy", sigmoidCrossEntropy],
  ["meanSquaredError", meanSquaredError],
];

describe.each(LOSSES)("%s", (name, loss) => {
  const golden = GOLDEN[name] as LossGolden;
  const feeds = { x: real(golden.x), targets: real(golden.targets), weights: real(golden.weights) };

  it("is PyTorch's, with its gradient", async () => {
    const graph = differentiate(lossGraph(loss), { loss: "loss", wrt: ["x"] });
    const results = await openReferenceSession(graph).run(feeds);
    expect(worstError(results.loss, { data: [golden.loss] })).toBeLessThan(1e-9);
    expect(worstError(results["grad.x"], golden.gradient)).toBeLessThan(1e-9);
  });

  it("has the slopes that finite differences measure", async () => {
    for (const slope of await slopes(lossGraph(loss), { loss: "loss", wrt: ["x"], feeds }))
      expect(slope.measured).toBeCloseTo(slope.predicted, 7);
  });
});

// Two rows of two cells; the second row weighs nothing.
const HAND = {
  x: real({ dims: [2, 2], data: [0, Math.log(3), 9, 9] }),
  weights: real({ dims: [2], data: [0.5, 0] }),
};

it.each([
  // softmax = (1/4, 3/4); 0.5 * -ln(3/4)
  ["crossEntropy", crossEntropy, [0, 1, 1, 0], 0.5 * Math.log(4 / 3)],
  // softplus(0) = ln 2; softplus(ln 3) - ln 3 = ln 4 - ln 3; mean, halved
  ["sigmoidCrossEntropy", sigmoidCrossEntropy, [0, 1, 1, 0], 0.25 * (Math.log(2) + Math.log(4 / 3))],
  // (2^2 + 0^2) / 2, halved
  ["meanSquaredError", meanSquaredError, [2, Math.log(3), 0, 0], 1],
] as const)("%s gives the number by hand", async (_, loss, targets, wanted) => {
  const results = await openReferenceSession(lossGraph(loss)).run({
    ...HAND,
    targets: real({ dims: [2, 2], data: [...targets] }),
  });
  expect(results.loss?.data[0]).toBeCloseTo(wanted, 12);
});

it("cosineHead is PyTorch's, with its gradients", async () => {
  const { features, prototypes, upstream, logits, gradients } = GOLDEN.cosineHead;
  const b = new GraphBuilder("head");
  const [f, p] = [b.input("features", "float32", ["B", 5]), b.input("prototypes", "float32", [3, 5])];
  const y = b.output(cosineHead(b, normalize(b, f), p, b.scalar(20)), "logits");
  const weighted = b.op("Mul", [y, b.input("upstream", "float32", ["B", 3])]);
  b.output(b.op("ReduceSum", [weighted], { keepdims: 0 }), "loss");
  const graph = differentiate(b.build(), { loss: "loss", wrt: ["features", "prototypes"] });
  const feeds = { features: real(features), prototypes: real(prototypes), upstream: real(upstream) };
  const results = await openReferenceSession(graph).run(feeds);
  expect(worstError(results.logits, logits)).toBeLessThan(1e-9);
  expect(worstError(results["grad.features"], gradients[0] as Cell)).toBeLessThan(1e-9);
  expect(worstError(results["grad.prototypes"], gradients[1] as Cell)).toBeLessThan(1e-9);
});

it("normalize gives (0.6, 0.8), and leaves a row of zeros finite", async () => {
  const b = new GraphBuilder("normalize");
  b.output(normalize(b, b.input("x", "float32", ["B", 2])), "y");
  const results = await openReferenceSession(b.build()).run({
    x: real({ dims: [2, 2], data: [3, 4, 0, 0] }),
  });
  expect(worstError(results.y, { data: [0.6, 0.8, 0, 0] })).toBeLessThan(1e-12);
});

function lossGraph(loss: Loss): Graph {
  const b = new GraphBuilder("loss");
  const classes = loss === crossEntropy ? "C" : "D";
  const x = b.input("x", "float32", ["B", classes]);
  const targets = b.input("targets", "float32", ["B", classes]);
  b.output(loss(b, x, targets, b.input("weights", "float32", ["B"])), "loss");
  return b.build();
}

function real({ dims, data }: Cell): Tensor {
  return { type: "float64", dims, data: Float64Array.from(data) };
}
