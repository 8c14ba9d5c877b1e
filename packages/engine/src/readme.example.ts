import { crossEntropy, differentiate, float32, GraphBuilder } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";

const b = new GraphBuilder("probe");
const features = b.input("features", "float32", ["B", 2]);
const logits = b.op("Gemm", [features, b.input("head", "float32", [3, 2])], { transB: 1 });
const targets = b.input("targets", "float32", ["B", 3]);
b.output(crossEntropy(b, logits, targets, b.input("weights", "float32", ["B"])), "loss");

const session = await openNodeSession(differentiate(b.build(), { loss: "loss", wrt: ["head"] }));
export const results = await session.run({
  features: float32([1, 2], [1, 2]),
  head: float32([0, 0, 0, 0, 0, 0], [3, 2]),
  targets: float32([1, 0, 0], [1, 3]),
  weights: float32([1], [1]),
}); // { loss: ln 3, "grad.head": [[-2/3, -4/3], [1/3, 2/3], [1/3, 2/3]] }
await session.release();
