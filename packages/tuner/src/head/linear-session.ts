import {
  crossEntropy,
  differentiate,
  type Feeds,
  float32,
  GraphBuilder,
  type OpenGraph,
  type Session,
} from "@kilotune/engine";

/**
 * Linear scores and their gradients on the engine: x [R, H], weight [C, H], bias [C] -> logits [R, C], the weighted
 * cross-entropy and its gradients. JavaScript alone would need minutes for what a linear probe needs.
 */
export interface LinearSession {
  readonly hiddenSize: number;
  logits(x: Float32Array, weight: Float32Array, bias: Float32Array): Promise<Float32Array>;
  /** Sum over rows of weights[r] * cross-entropy, with its gradients. */
  loss(
    x: Float32Array,
    weight: Float32Array,
    bias: Float32Array,
    targets: Float32Array,
    weights: Float32Array,
  ): Promise<{ loss: number; weight: Float32Array; bias: Float32Array }>;
  release(): Promise<void>;
}

export async function openLinearSession(openGraph: OpenGraph, hiddenSize: number): Promise<LinearSession> {
  const forward = await openGraph(linearGraph(hiddenSize).builder.build());
  let backward: Session | undefined;
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
    async loss(x, weight, bias, targets, weights) {
      backward ??= await openGraph(lossGraph(hiddenSize));
      const results = await backward.run({
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
      await backward?.release();
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

function lossGraph(hiddenSize: number) {
  const { builder, logits } = linearGraph(hiddenSize);
  const targets = builder.input("targets", "float32", ["R", "C"]);
  const weights = builder.input("weights", "float32", ["R"]);
  builder.output(crossEntropy(builder, logits, targets, weights), "loss");
  return differentiate(builder.build(), { loss: "loss", wrt: ["weight", "bias"] });
}
