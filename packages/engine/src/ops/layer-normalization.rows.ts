import { float } from "../ir/builder.ts";
import { fixed, floats, type Row } from "./testing.ts";

/** Mean 2, variance 1 - 0.25 of epsilon: r = 1 / sqrt(0.75 + 0.25) would hide r, so epsilon makes it 1/2. */
const X = [1, 3];
const EPSILON = { epsilon: float(3) };

export const LAYER_NORMALIZATION_ROWS: readonly Row[] = [
  // n = (-1/2, 1/2); h = g * scale = (2, 12); mean h = 7, mean(h n) = 2.5;
  // dx = (2 - 7 + 1.25, 12 - 7 - 1.25) / 2
  {
    op: "LayerNormalization",
    inputs: [floats([1, 2], X, ["B", 2]), floats([2], [2, 4]), floats([2], [10, 20])],
    attributes: EPSILON,
    outputs: [floats([1, 2], [9, 22], ["B", 2])],
    upstream: [[1, 3]],
    gradients: [
      [-1.875, 1.875],
      [-0.5, 1.5],
      [1, 3],
    ],
  },
  // Two axes, no bias, the statistics asked for and not read.
  {
    op: "LayerNormalization",
    inputs: [floats([2, 1, 2], [...X, ...X], ["B", 1, 2]), fixed(floats([1, 2], [1, 1]))],
    attributes: { ...EPSILON, axis: -2 },
    outputs: [
      floats([2, 1, 2], [-0.5, 0.5, -0.5, 0.5], ["B", 1, 2]),
      floats([2, 1, 1], [2, 2], ["B", 1, 1]),
      floats([2, 1, 1], [0.5, 0.5], ["B", 1, 1]),
    ],
    unread: [1, 2],
    upstream: [[1, 3, 0, 0]],
    gradients: [[-0.375, 0.375, 0, 0], null],
  },
  {
    op: "LayerNormalization",
    inputs: [floats([1, 2], X), floats([1], [1])],
    refuses: "LayerNormalization wants scale and bias [2], seen: [1]",
  },
];
