import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../ir/builder.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { printGraph } from "../ir/print.ts";
import { slopes, worstError } from "../ops/testing.ts";
import { openReferenceSession } from "../session/reference.ts";
import { float32, type Tensor } from "../tensor.ts";
import { differentiate } from "./gradient.ts";

/** A graph whose only output is the sum of what `build` gives. */
function summed(build: (b: GraphBuilder) => Value): Graph {
  const b = new GraphBuilder("g");
  b.output(b.op("ReduceSum", [build(b)], { keepdims: 0 }), "loss");
  return b.build();
}

function real(dims: readonly number[], data: readonly number[]): Tensor {
  return { type: "float64", dims, data: Float64Array.from(data) };
}

async function expectSlopes(
  graph: Graph,
  wrt: readonly string[],
  feeds: Record<string, Tensor>,
): Promise<void> {
  for (const { predicted, measured } of await slopes(graph, { loss: "loss", wrt, feeds }))
    expect(Math.abs(measured - predicted)).toBeLessThan(1e-7 * Math.max(1, Math.abs(predicted)));
}

const W = float32([1, 2, 3, 4], [2, 2]);

describe("activity analysis", () => {
  /** Two layers; the prompt joins before the second. */
  const layered = summed((b) => {
    const below = b.op("Tanh", [b.op("MatMul", [b.input("x", "float32", ["B", 2]), b.constant(W, "w1")])]);
    const prompted = b.op("Add", [below, b.input("prompt", "float32", [2])]);
    return b.op("Tanh", [b.op("MatMul", [prompted, b.constant(W, "w2")])]);
  });

  it("walks only from the loss to the prompt: no weight gets a gradient, nothing below the prompt is touched", () => {
    const graph = differentiate(layered, { loss: "loss", wrt: ["prompt"] });
    expect(graph.outputs.map(({ name }) => name)).toEqual(["loss", "grad.prompt"]);
    const added = { ...graph, nodes: graph.nodes.slice(layered.nodes.length), initializers: [] };
    expect(printGraph(added)).toMatchInlineSnapshot(`
      "graph g.grad(x: float32[B, 2], prompt: float32[2])
        Unsqueeze_2: float32[1, 1] = Unsqueeze(const_0: float32[], const_1: int64[2])
        Shape_3: int64[2] = Shape(Tanh_4: float32[B, 2])
        Expand_4: float32[B, 2] = Expand(Unsqueeze_2: float32[1, 1], Shape_3: int64[2])
        Mul_5: float32[B, 2] = Mul(Tanh_4: float32[B, 2], Tanh_4: float32[B, 2])
        Sub_6: float32[B, 2] = Sub(const_0: float32[], Mul_5: float32[B, 2])
        Mul_7: float32[B, 2] = Mul(Expand_4: float32[B, 2], Sub_6: float32[B, 2])
        Transpose_8: float32[2, 2] = Transpose(w2: float32[2, 2]; perm=[1, 0])
        MatMul_9: float32[B, 2] = MatMul(Mul_7: float32[B, 2], Transpose_8: float32[2, 2])
        ReduceSum_11: float32[2] = ReduceSum(MatMul_9: float32[B, 2], const_10: int64[1]; keepdims=0)
        grad.prompt: float32[2] = Identity(ReduceSum_11: float32[2])
        return loss, grad.prompt"
    `);
  });

  it("keeps the forward nodes as they were", () => {
    const graph = differentiate(layered, { loss: "loss", wrt: ["prompt"] });
    expect(graph.nodes.slice(0, layered.nodes.length)).toEqual(layered.nodes);
  });

  it("passes no gradient through a path of integers, and says so", () => {
    const graph = summed((b) => {
      const whole = b.op("Cast", [b.input("x", "float32", [2])], { to: 7 });
      return b.op("Cast", [b.op("Add", [whole, whole])], { to: 1 });
    });
    expect(() => differentiate(graph, { loss: "loss", wrt: ["x"] })).toThrowErrorMatchingInlineSnapshot(
      `[EngineError: loss doesn't depend on x by any path that passes a gradient]`,
    );
  });

  it("passes an op without a rule where the parameter doesn't go through it", async () => {
    const graph = summed((b) => {
      const largest = b.op("TopK", [b.input("x", "float32", [2]), b.ints([1])]);
      return b.op("Mul", [largest, b.input("scale", "float32", [])]);
    });
    const session = openReferenceSession(differentiate(graph, { loss: "loss", wrt: ["scale"] }));
    const results = await session.run({ x: real([2], [5, 3]), scale: real([], [2]) });
    expect(results["grad.scale"]?.data[0]).toBe(5);
    expect(() => differentiate(graph, { loss: "loss", wrt: ["x"] })).toThrowErrorMatchingInlineSnapshot(
      `[EngineError: no gradient rule for TopK_1: float32[1] = TopK(x: float32[2], const_0: int64[1])]`,
    );
  });
});

describe("values with several readers", () => {
  it("adds up the gradients of all readers, also of one that reads twice", async () => {
    const graph = summed((b) => {
      const x = b.input("x", "float32", ["B", 2]);
      const y = b.op("Tanh", [x]);
      return b.op("Add", [b.op("Mul", [y, y]), b.op("Sub", [b.op("Exp", [y]), x])]);
    });
    await expectSlopes(graph, ["x"], { x: real([2, 2], [0.1, -0.7, 1.2, 0.4]) });
  });

  it("reads a Split of which one part goes nowhere and another goes twice", async () => {
    const graph = summed((b) => {
      const x = b.input("x", "float32", ["B", 6]);
      const [first, , third] = b.node("Split", [x], { axis: 1, num_outputs: 3 }, { outputs: 3 });
      return b.op("Mul", [first as Value, b.op("Mul", [third as Value, third as Value])]);
    });
    const feeds = { x: real([1, 6], [1, 2, 3, 4, 5, 6]) };
    await expectSlopes(graph, ["x"], feeds);
    const results = await openReferenceSession(differentiate(graph, { loss: "loss", wrt: ["x"] })).run(feeds);
    expect(worstError(results["grad.x"], { data: [25, 36, 0, 0, 10, 24] })).toBe(0);
  });

  it("gives two parameters that share one gradient an output each", async () => {
    const graph = summed((b) => b.op("Add", [b.input("a", "float32", [2]), b.input("b", "float32", [2])]));
    const session = openReferenceSession(differentiate(graph, { loss: "loss", wrt: ["b", "a"] }));
    const results = await session.run({ a: real([2], [1, 2]), b: real([2], [3, 4]) });
    expect(results["grad.a"]?.data).toEqual(Float64Array.of(1, 1));
    expect(results["grad.b"]?.data).toEqual(Float64Array.of(1, 1));
  });
});

describe("symbolic shapes", () => {
  it("divides by the length of a mean over symbolic axes as the run has it", async () => {
    const graph = summed((b) => {
      const x = b.input("x", "float32", ["B", "S", 2]);
      const mean = b.op("ReduceMean", [x, b.ints([0, 1])], { keepdims: 0 });
      return b.op("Mul", [mean, mean]);
    });
    const feeds = { x: real([2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) };
    await expectSlopes(graph, ["x"], feeds);
    const results = await openReferenceSession(differentiate(graph, { loss: "loss", wrt: ["x"] })).run(feeds);
    // The means are 6 and 7: each element's slope is 2 * mean / 6.
    expect(
      worstError(results["grad.x"], {
        data: Array(6)
          .fill([2, 14 / 6])
          .flat(),
      }),
    ).toBeLessThan(1e-12);
  });

  it("sums over the rows that a shared prompt was stretched to", async () => {
    const graph = summed((b) => {
      const tokens = b.input("tokens", "float32", ["B", "S", 2]);
      const prompt = b.input("prompt", "float32", ["P", 2]);
      const shape = b.op("Concat", [b.dimOf(tokens, 0), b.dimOf(prompt, 0), b.ints([2])], { axis: 0 });
      const joined = b.op("Concat", [b.op("Expand", [prompt, shape]), tokens], { axis: 1 });
      expect(joined.shape).toEqual(["B", "P+S", 2]);
      return b.op("Softmax", [joined], { axis: 1 });
    });
    const feeds = { tokens: real([2, 1, 2], [1, 2, 3, 4]), prompt: real([2, 2], [0.5, 0.1, -0.4, 0.3]) };
    await expectSlopes(graph, ["tokens", "prompt"], feeds);
  });

  it("computes with the dims of a shape: half of a symbolic axis", async () => {
    const graph = summed((b) => {
      const x = b.input("x", "float32", ["B", "2*S"]);
      const half = b.op("Div", [b.dimOf(x, 1), b.ints([2])]);
      const front = b.op("Slice", [x, b.ints([0]), half, b.ints([1])]);
      expect(front.shape).toEqual(["B", "S"]);
      b.input("s", "float32", ["S"]);
      return b.op("Mul", [front, front]);
    });
    const feeds = { x: real([1, 4], [1, 2, 3, 4]), s: real([2], [0, 0]) };
    const results = await openReferenceSession(differentiate(graph, { loss: "loss", wrt: ["x"] })).run(feeds);
    expect(worstError(results["grad.x"], { data: [2, 4, 0, 0] })).toBe(0);
  });
});

describe("LayerNormalization", () => {
  const graph = summed((b) => {
    const x = b.input("x", "float32", ["B", 2]);
    return b.op("Exp", [b.op("LayerNormalization", [x, b.constant(float32([1, 2], [2]))])]);
  });

  it("is asked for its mean and deviation instead of having them computed again", () => {
    const { nodes } = differentiate(graph, { loss: "loss", wrt: ["x"] });
    const [node] = nodes.filter(({ op }) => op === "LayerNormalization");
    expect(node?.outputs.map(({ shape }) => shape)).toEqual([
      ["B", 2],
      ["B", 1],
      ["B", 1],
    ]);
  });

  it("finds the right one where imported nodes have no names", () => {
    const unnamed = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, name: "" })) };
    const { nodes } = differentiate(unnamed, { loss: "loss", wrt: ["x"] });
    expect(nodes.find(({ op }) => op === "LayerNormalization")?.outputs).toHaveLength(3);
  });

  it("refuses a gradient through its mean", () => {
    const b = new GraphBuilder("g");
    const x = b.input("x", "float32", ["B", 2]);
    const [, mean] = b.node("LayerNormalization", [x, b.constant(float32([1, 2], [2]))], {}, { outputs: 2 });
    b.output(b.op("ReduceSum", [mean as Value], { keepdims: 0 }), "loss");
    expect(() => differentiate(b.build(), { loss: "loss", wrt: ["x"] })).toThrow(
      "no gradient rule (only the first output passes a gradient) for LayerNormalization_",
    );
  });
});

describe("refusals", () => {
  const graph = summed((b) => {
    b.input("unread", "float32", [2]);
    b.input("ids", "int64", [2]);
    const exponent = b.input("exponent", "float32", [2]);
    return b.op("Pow", [b.input("x", "float32", [2]), exponent]);
  });

  it.each([
    ["unread", "loss doesn't depend on unread by any path that passes a gradient"],
    ["ids", "gradients are computed in float32, ids is int64"],
    ["exponent", "no gradient rule (input 1 passes no gradient) for Pow_0: float32[2] = Pow("],
  ])("%s", (name, message) => {
    expect(() => differentiate(graph, { loss: "loss", wrt: [name] })).toThrow(message);
  });

  it("a loss that isn't a scalar, and names that the graph hasn't", () => {
    const b = new GraphBuilder("g");
    b.output(b.op("Exp", [b.input("x", "float32", ["B"])]), "loss");
    const vector = b.build();
    expect(() => differentiate(vector, { loss: "loss", wrt: ["x"] })).toThrow(
      "the loss is a scalar, seen: [B]",
    );
    expect(() => differentiate(vector, { loss: "y", wrt: ["x"] })).toThrow("g has no output y");
    expect(() => differentiate(graph, { loss: "loss", wrt: ["y"] })).toThrow("g has no input y");
  });
});
