import {
  crossEntropy,
  differentiate,
  type Feeds,
  float32,
  GraphBuilder,
  type OpenGraph,
  type Session,
  sigmoidCrossEntropy,
} from "@kilotune/engine";

/**
 * Linear scores and their gradients on the engine: x [R, H], weight [C, H], bias [C] -> logits [R, C], the weighted
 * cross-entropy and its gradients. JavaScript alone would need minutes for what a linear probe needs.
 */
export interface LinearSession {
  readonly hiddenSize: number;
  logits(x: Float32Array, weight: Float32Array, bias: Float32Array): Promise<Float32Array>;
  /** Sum over rows of weights[r] * the loss, with its gradients. Default cross-entropy. */
  loss(
    x: Float32Array,
    weight: Float32Array,
    bias: Float32Array,
    targets: Float32Array,
    weights: Float32Array,
    kind?: LinearLoss,
  ): Promise<{ loss: number; weight: Float32Array; bias: Float32Array }>;
  release(): Promise<void>;
}

/** softmax: one class a row; sigmoid: each class by itself, the mean over them. */
export type LinearLoss = "softmax" | "sigmoid";

export async function openLinearSession(openGraph: OpenGraph, hiddenSize: number): Promise<LinearSession> {
  const forward = await openGraph(linearGraph(hiddenSize).builder.build());
  const backward = new Map<LinearLoss, Promise<Session>>();
  const feeds = (x: Float32Array, weight: Float32Array, bias: Float32Array): Feeds => ({
    x: float32(x, [x.length / hiddenSize, hiddenSize]),
    weight: float32(weight, [bias.length, hiddenSize]),
    bias: float32(bias, [bias.length]),
  });
  return {
    hiddenSize,
    async logits(x, weight, bias) {
      return (await forward.run(feeds(x, weight, bias))).logits?.data as Float32Array;
    },
    async loss(x, weight, bias, targets, weights, kind = "softmax") {
      const opening = backward.get(kind) ?? openGraph(lossGraph(hiddenSize, kind));
      backward.set(kind, opening);
      const session = await opening;
      const results = await session.run({
        ...feeds(x, weight, bias),
        targets: float32(targets, [weights.length, bias.length]),
        weights: float32(weights, [weights.length]),
      });
      return {
        loss: results.loss?.data[0] as number,
        weight: results["grad.weight"]?.data as Float32Array,
        bias: results["grad.bias"]?.data as Float32Array,
      };
    },
    async release() {
      await forward.release();
      for (const opening of backward.values()) await (await opening).release();
    },
  };
}

function linearGraph(hiddenSize: number) {
  const builder = new GraphBuilder("linear");
  const x = builder.input("x", "float32", ["R", hiddenSize]);
  const weight = builder.input("weight", "float32", ["C", hiddenSize]);
  const bias = builder.input("bias", "float32", ["C"]);
  const logits = builder.op("Gemm", [x, weight, bias], { transB: 1 });
  builder.output(logits, "logits");
  return { builder, logits };
}

function lossGraph(hiddenSize: number, kind: LinearLoss) {
  const { builder, logits } = linearGraph(hiddenSize);
  const targets = builder.input("targets", "float32", ["R", "C"]);
  const weights = builder.input("weights", "float32", ["R"]);
  const loss = kind === "softmax" ? crossEntropy : sigmoidCrossEntropy;
  builder.output(loss(builder, logits, targets, weights), "loss");
  return differentiate(builder.build(), { loss: "loss", wrt: ["weight", "bias"] });
}
