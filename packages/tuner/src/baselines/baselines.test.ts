import { prng } from "@kilotune/dataset";
import { openNodeSession } from "@kilotune/engine/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { normalizeRows } from "../head/class-means.ts";
import { type LinearSession, openLinearSession } from "../head/linear-session.ts";
import { scoreOf } from "../measure/classification.ts";
import { fitBaselines, predictBaselines } from "./baselines.ts";

const H = 8;
let session: LinearSession;
beforeAll(async () => {
  session = await openLinearSession((graph) => openNodeSession(graph, { threads: 1 }), H);
});
afterAll(() => session.release());

describe("baselines", () => {
  it("all but the majority solve what is separable, each with an answer a row", async () => {
    const train = clusters([20, 10, 10], 0.2, "train");
    const test = clusters([5, 5, 5], 0.2, "test");
    const fitted = await fitBaselines(session, train, 0);
    const answers = await predictBaselines(session, fitted, train, test.vectors);
    const accuracies = Object.entries(answers).map(([name, predicted]) => [
      name,
      scoreOf(test.labels, predicted, 3).accuracy,
    ]);
    expect(Object.fromEntries(accuracies)).toEqual({ majority: 1 / 3, classMean: 1, knn: 1, linearProbe: 1 });
  });

  it("choose C and k on the training rows, the same for the same seed", async () => {
    const train = clusters([12, 12, 12], 0.9, "noisy");
    const [first, again] = [await fitBaselines(session, train, 3), await fitBaselines(session, train, 3)];
    expect(again).toEqual(first);
    expect([1, 10, 100]).toContain(first.C);
    expect([1, 3, 5, 10]).toContain(first.k);
  });

  it("take C and k that were chosen outside, for the folds of an outer cross-validation", async () => {
    const train = clusters([4, 4, 4], 0.3, "few");
    expect(await fitBaselines(session, train, 0, { C: 7, k: 2 })).toMatchObject({ C: 7, k: 2 });
  });

  it("one row a class leaves nothing to cross-validate, and fits all the same", async () => {
    const train = clusters([1, 1, 1], 0.1, "single");
    const fitted = await fitBaselines(session, train, 0);
    expect(fitted.C).toBe(1);
    const { linearProbe } = await predictBaselines(session, fitted, train, train.vectors);
    expect(linearProbe).toEqual(train.labels);
  });

  it("a class without rows in a fold is never called (known fault 76)", async () => {
    const train = { ...clusters([6, 6], 0.2, "absent"), classes: 4 };
    const fitted = await fitBaselines(session, train, 0, { C: 1, k: 1 });
    const answers = await predictBaselines(session, fitted, train, train.vectors);
    for (const predicted of Object.values(answers)) expect(Math.max(...predicted)).toBeLessThan(2);
  });
});

/** Rows around one axis a class. */
function clusters(counts: readonly number[], spread: number, stream: string) {
  const random = prng(0, stream);
  const labels = Int32Array.from(counts.flatMap((rows, label) => Array<number>(rows).fill(label)));
  const vectors = new Float32Array(labels.length * H);
  labels.forEach((label, row) => {
    for (let at = 0; at < H; at++) vectors[row * H + at] = (at === label ? 1 : 0) + spread * random.normal();
  });
  return { vectors: normalizeRows(vectors, H), labels, classes: counts.length };
}
