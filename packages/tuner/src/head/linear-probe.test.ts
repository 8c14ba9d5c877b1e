import { openNodeSession } from "@kilotune/engine/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { argmaxRows } from "../measure/argmax.ts";
import { fitLinearProbe } from "./linear-probe.ts";
import { type LinearSession, openLinearSession } from "./linear-session.ts";

/** 24 unit vectors around 3 class centres; row i is of class i mod 3. */
const ROWS = [
  -0.926, -0.155, -0.226, -0.261, -0.377, 0.028, 0.615, 0.692, -0.541, -0.024, -0.807, 0.236, 0.791, -0.04,
  -0.024, -0.61, -0.68, 0.402, 0.284, 0.544, -0.662, -0.608, -0.336, 0.282, -0.226, -0.122, 0.658, 0.708,
  -0.434, 0.448, 0.654, 0.429, -0.185, -0.614, 0.273, 0.717, 0.71, 0.428, 0.391, -0.399, -0.316, 0.558, 0.085,
  0.763, -0.165, -0.334, -0.882, -0.289, -0.105, -0.466, 0.868, -0.134, -0.069, 0.037, 0.785, 0.614, -0.04,
  -0.965, -0.171, 0.195, 0.366, -0.245, 0.811, -0.385, -0.325, 0.346, 0.388, 0.79, -0.228, -0.785, -0.412,
  -0.402, -0.499, 0.212, 0.567, 0.619, -0.355, 0.55, 0.306, 0.691, -0.446, -0.786, -0.163, 0.396, 0.184,
  -0.448, -0.385, -0.786, -0.049, 0.734, 0.677, -0.012, 0.029, -0.865, -0.453, 0.215,
];
const VECTORS = Float32Array.from(ROWS);
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
