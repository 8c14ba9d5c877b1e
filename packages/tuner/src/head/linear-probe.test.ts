import { openNodeSession } from "@kilotune/engine/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { argmaxRows } from "../measure/argmax.ts";
import { fitLinearProbe } from "./linear-probe.ts";
import { type LinearSession, openLinearSession } from "./linear-session.ts";

/** 24 unit vectors around 3 class centres; row i is of class i mod 3. */
const THOUSANDTHS = [
  -926, -155, -226, -261, -377, 28, 615, 692, -541, -24, -807, 236, 791, -40, -24, -610, -680, 402, 284, 544,
  -662, -608, -336, 282, -226, -122, 658, 708, -434, 448, 654, 429, -185, -614, 273, 717, 710, 428, 391, -399,
  -316, 558, 85, 763, -165, -334, -882, -289, -105, -466, 868, -134, -69, 37, 785, 614, -40, -965, -171, 195,
  366, -245, 811, -385, -325, 346, 388, 790, -228, -785, -412, -402, -499, 212, 567, 619, -355, 550, 306, 691,
  -446, -786, -163, 396, 184, -448, -385, -786, -49, 734, 677, -12, 29, -865, -453, 215,
];
const VECTORS = Float32Array.from(THOUSANDTHS, (value) => value / 1000);
const LABELS = Int32Array.from({ length: 24 }, (_, row) => row % 3);

/** scikit-learn 1.9.1: LogisticRegression(C=C, tol=1e-10, max_iter=10000).fit(rows, labels), coef_ and intercept_. */
const GOLDENS = [
  {
    C: 1,
    weight: [
      0.34187, -0.01908, 0.61937, -1.04717, -0.23083, 1.33506, 0.59391, 0.71716, -0.11104, -1.31598, -1.21328,
      0.33,
    ],
    bias: [0.38721, -0.24329, -0.14392],
    predicted: [2, 1, 2, 0, 1, 2, 1, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 1, 1, 2, 0, 1, 2],
  },
  {
    C: 10,
    weight: [
      0.04259, -0.17163, 1.49233, -2.29985, -0.22624, 3.52651, 1.30292, 0.93532, 0.18366, -3.35488, -2.79526,
      1.36453,
    ],
    bias: [1.03153, -0.53273, -0.49879],
    predicted: [0, 1, 2, 0, 1, 2, 1, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 1, 1, 2, 0, 1, 2],
  },
];

let session: LinearSession;
beforeAll(async () => {
  session = await openLinearSession((graph) => openNodeSession(graph, { threads: 1 }), 4);
});
afterAll(() => session.release());

it.each(GOLDENS)("equals scikit-learn's at C = $C", async ({ C, weight, bias, predicted }) => {
  const head = await fitLinearProbe(session, VECTORS, LABELS, 3, { C });
  expect(distance(head.weight, weight)).toBeLessThan(1e-3);
  expect(distance(head.bias, bias)).toBeLessThan(1e-3);
  const logits = await session.logits(VECTORS, head.weight, head.bias);
  expect([...argmaxRows(logits, 3)]).toEqual(predicted);
});

it("a row of weight 0 is as good as absent", async () => {
  const rowWeights = Float32Array.from(LABELS, (_, row) => (row < 15 ? 1 : 0));
  const weighed = await fitLinearProbe(session, VECTORS, LABELS, 3, { C: 10, rowWeights });
  const cut = await fitLinearProbe(session, VECTORS.subarray(0, 60), LABELS.subarray(0, 15), 3, { C: 10 });
  expect(distance(weighed.weight, cut.weight)).toBeLessThan(1e-3);
});

it("finds the same head from another start", async () => {
  const start = await fitLinearProbe(session, VECTORS, LABELS, 3, { C: 1 });
  const head = await fitLinearProbe(session, VECTORS, LABELS, 3, { C: 10, start });
  expect(distance(head.weight, GOLDENS[1]!.weight)).toBeLessThan(1e-3);
});

/** Largest difference, as a share of the largest number. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  const largest = Math.max(...Array.from(b, Math.abs));
  return Math.max(...Array.from(a, (value, at) => Math.abs(value - b[at]!))) / largest;
}
