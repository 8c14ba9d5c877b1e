import { describe, expect, it } from "vitest";
import { differentiate } from "./autodiff/gradient.ts";
import { GraphBuilder } from "./ir/builder.ts";
import type { Graph } from "./ir/graph.ts";
import { random, worstError } from "./ops/testing.ts";
import { quantizedProduct, quantizeRows, WEIGHT_CODES } from "./quantized-product.ts";
import { openNodeSession } from "./session/node.ts";
import { openReferenceSession } from "./session/reference.ts";
import { float32, type Tensor } from "./tensor.ts";

interface Weights {
  /** [K, N] */
  readonly codes: readonly number[];
  readonly scale: readonly number[];
  readonly bias: readonly number[];
}

/** y = 0.5 x W + 2 bias, and loss = sum of y * w. */
function linear({ codes, scale, bias }: Weights): Graph {
  const [K, N] = [codes.length / scale.length, scale.length];
  const b = new GraphBuilder("linear");
  const x = b.input("x", "float32", ["T", K]);
  const weights = {
    codes: b.constant({ type: "int8", dims: [K, N], data: Int8Array.from(codes) }, "codes"),
    scale: b.constant(float32(scale, [N]), "scale"),
  };
  const product = quantizedProduct(b, x, quantizeRows(b, x), weights, 0.5);
  const y = b.op("Add", [
    product,
    b.constant(
      float32(
        bias.map((each) => 2 * each),
        [N],
      ),
      "bias",
    ),
  ]);
  b.output(y, "y");
  b.output(b.op("ReduceSum", [b.op("Mul", [y, b.input("w", "float32", ["T", N])])], { keepdims: 0 }), "loss");
  return b.build();
}

const graded = (weights: Weights) => differentiate(linear(weights), { loss: "loss", wrt: ["x"] });

/** x's codes are 127 and -63 (of -63.5, up), scale 2 / 127; and a row of zeros. */
const SMALL = { codes: [1, 63, -2, 0], scale: [0.25, 4], bias: [1, -1] };
const SMALL_X = float32([2, -1, 0, 0], [2, 2]);

describe("numbers by hand", () => {
  it("are those of the codes, and the gradient that of the weights which they stand for", async () => {
    const w = float32([1, 10, 100, 0], [2, 2]);
    const results = await openReferenceSession(graded(SMALL)).run({ x: SMALL_X, w });
    const y = [0.5 * 0.25 * (253 * (2 / 127)) + 2, 0.5 * 4 * (63 * 127 * (2 / 127)) - 2, 2, -2];
    expect(worstError(results.y, { data: y })).toBeLessThan(1e-9);
    // dx = 0.5 dy W^T with W = (0.25 252; -0.5 0)
    const gradient = [0.5 * (0.25 + 2520), 0.5 * -0.5, 12.5, -25];
    expect(worstError(results["grad.x"], { data: gradient })).toBeLessThan(1e-9);
  });
});

it("leaves nearly all codes to what is above 0 where little is below", async () => {
  const b = new GraphBuilder("least");
  const { codes, scale, zero } = quantizeRows(b, b.input("x", "float32", ["T", 3]), { least: -0.25 });
  b.output(codes, "codes");
  b.output(scale, "scale");
  // A row's scale is 4 / 227, that of one without large values such that -0.25 is code 0.
  const x = float32([4, -0.25, 0, 0.1, -0.25, 0], [2, 3]);
  const seen = await openReferenceSession(b.build()).run({ x });
  expect(zero).toBe(28);
  expect([...(seen.codes?.data ?? [])]).toEqual([255, 14, 28, 28 + 11, 0, 28]);
  expect(worstError(seen.scale, { data: [4 / 227, 0.25 / 28] })).toBeLessThan(1e-9);
});

describe("ONNX Runtime's numbers", () => {
  const [T, K, N] = [9, 96, 40];
  const draw = random(3);
  const many = (length: number, scale = 1) => Array.from({ length }, () => scale * (2 * draw() - 1));
  const weights: Weights = {
    codes: many(K * N, WEIGHT_CODES).map(Math.round),
    scale: Array.from({ length: N }, (_, at) => 0.001 * (at + 1)),
    bias: many(N),
  };
  // Each row ten times the one above it: one scale for all of them would be far off.
  const x = float32(
    many(T * K).map((value, at) => value * 10 ** (Math.floor(at / K) - 4)),
    [T, K],
  );
  const w = float32(many(T * N), [T, N]);

  const withSession = async (graph: Graph, feeds: Record<string, Tensor>) => {
    const session = await openNodeSession(graph, { threads: 2 });
    return session.run(feeds).finally(() => session.release());
  };

  it("are the reference interpreter's, gradient too", async () => {
    const seen = await withSession(graded(weights), { x, w });
    const wanted = await openReferenceSession(graded(weights)).run({ x, w });
    for (const name of ["y", "grad.x"])
      expect(worstError(seen[name], wanted[name] as Tensor)).toBeLessThan(1e-5);
  });

  it("are near the plain product's for rows of every size, where one fused scale would be wrong", async () => {
    const { y } = await withSession(linear(weights), { x, w });
    for (let row = 0; row < T; row++) {
      const wanted = Array.from({ length: N }, (_, n) => {
        const terms = Array.from({ length: K }, (_, k) => x.data[row * K + k] as number).map(
          (value, k) => value * (weights.codes[k * N + n] as number),
        );
        const sum = terms.reduce((a, b) => a + b, 0);
        return 0.5 * sum * (weights.scale[n] as number);
      });
      const seen = Array.from({ length: N }, (_, n) => {
        return (y?.data[row * N + n] as number) - 2 * (weights.bias[n] as number);
      });
      const length = Math.hypot(...wanted);
      const away = Math.hypot(...seen.map((value, n) => value - (wanted[n] as number)));
      // The bias of about 1 swallows digits of the smallest rows.
      expect(away).toBeLessThan(0.02 * length + 1e-5);
    }
  });

  it("are a row's own, to the bit, alone and among others", async () => {
    const { y: together } = await withSession(linear(weights), { x, w });
    for (let row = 0; row < T; row++) {
      const alone = await withSession(linear(weights), {
        x: float32(x.data.slice(row * K, (row + 1) * K) as Float32Array, [1, K]),
        w: float32(new Float32Array(N), [1, N]),
      });
      expect(alone.y?.data).toEqual(together?.data.slice(row * N, (row + 1) * N));
    }
  });
});
