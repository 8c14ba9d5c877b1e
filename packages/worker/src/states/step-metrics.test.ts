import { expect, it } from "vitest";
import { stepMetrics } from "./step-metrics.ts";

it("a line an epoch under OpenAI's head; what wasn't measured is empty", () => {
  const point = (epoch: number, loss: number, validationAccuracy: number | null) => ({
    epoch,
    loss,
    validationAccuracy,
    learningRate: 0.01,
  });
  expect(stepMetrics({ curve: [point(1, 1.5, 0.75), point(2, 0.25, null)] })).toBe(
    "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,1.5,,,0.75\n2,0.25,,,\n",
  );
});
