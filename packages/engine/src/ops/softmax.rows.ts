import { floats, type Row } from "./testing.ts";

/** e^x is 1, 2, 1: the shares are exact. */
const X = [0, Math.LN2, 0];
const Y = [0.25, 0.5, 0.25];

export const SOFTMAX_ROWS: readonly Row[] = [
  // sum(g * y) = 0.25 + 1 + 0.75 = 2
  {
    op: "Softmax",
    inputs: [floats([1, 3], X, ["B", "P+S"])],
    binds: { P: 1, S: 2 },
    outputs: [floats([1, 3], Y, ["B", "P+S"])],
    upstream: [[1, 2, 3]],
    gradients: [[-0.25, 0, 0.25]],
  },
  {
    op: "Softmax",
    inputs: [floats([3, 2], [0, 5, Math.LN2, 5, 0, 5])],
    attributes: { axis: 0 },
    outputs: [floats([3, 2], [0.25, 1 / 3, 0.5, 1 / 3, 0.25, 1 / 3])],
    upstream: [[1, 0, 2, 0, 3, 0]],
    gradients: [[-0.25, 0, 0, 0, 0.25, 0]],
  },
  // Scores far outside what e^x can hold, as a mask makes them.
  {
    op: "Softmax",
    inputs: [floats([3], [1000, -1e9, 1000])],
    outputs: [floats([3], [0.5, 0, 0.5])],
    upstream: [[1, 9, 3]],
    gradients: [[-0.5, 0, 0.5]],
  },
  {
    op: "Softmax",
    inputs: [floats([2], [1, 2])],
    attributes: { axis: 1 },
    refuses: "axis 1 is outside a tensor of rank 1",
  },
  // sum g = 6
  {
    op: "LogSoftmax",
    inputs: [floats([1, 3], X)],
    outputs: [floats([1, 3], Y.map(Math.log))],
    upstream: [[1, 2, 3]],
    gradients: [[-0.5, -1, 1.5]],
  },
  {
    op: "LogSoftmax",
    inputs: [floats([3, 1], X, ["C", "B"])],
    attributes: { axis: -2 },
    outputs: [floats([3, 1], Y.map(Math.log), ["C", "B"])],
    upstream: [[1, 2, 3]],
    gradients: [[-0.5, -1, 1.5]],
  },
  {
    op: "LogSoftmax",
    inputs: [floats([2], [1, 2])],
    attributes: { axis: -2 },
    refuses: "axis -2 is outside a tensor of rank 1",
  },
];
