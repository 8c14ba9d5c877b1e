import { floats, integers, type Row, vector } from "./testing.ts";

const X = floats([2, 3], [1, 2, 6, 4, 9, 5]);
const XBS = floats([2, 3], [1, 2, 6, 4, 9, 5], ["B", "S"]);

export const REDUCE_ROWS: readonly Row[] = [
  { op: "ReduceSum", inputs: [X], outputs: [floats([1, 1], [27])], gradients: [[1, 1, 1, 1, 1, 1]] },
  {
    op: "ReduceSum",
    inputs: [X, vector(-1)],
    attributes: { keepdims: 0 },
    outputs: [floats([2], [9, 18])],
    upstream: [[2, 3]],
    gradients: [[2, 2, 2, 3, 3, 3]],
  },
  {
    op: "ReduceSum",
    inputs: [XBS, vector(0)],
    attributes: { keepdims: 1 },
    outputs: [floats([1, 3], [5, 11, 11], [1, "S"])],
    upstream: [[1, 2, 3]],
    gradients: [[1, 2, 3, 1, 2, 3]],
  },
  {
    op: "ReduceSum",
    inputs: [floats([2, 1, 2], [1, 2, 3, 4], ["B", 1, "S"]), vector(2, 0)],
    attributes: { keepdims: 0 },
    outputs: [floats([1], [10])],
    gradients: [[1, 1, 1, 1]],
  },
  { op: "ReduceSum", inputs: [XBS], attributes: { keepdims: 0 }, outputs: [floats([], [27])] },
  // Without axes: all of them, or none of them where the attribute says so.
  {
    op: "ReduceSum",
    inputs: [X],
    attributes: { noop_with_empty_axes: 1 },
    outputs: [X],
    gradients: [[1, 1, 1, 1, 1, 1]],
  },
  {
    op: "ReduceSum",
    inputs: [integers([2, 2], [1, 2, 3, 4]), vector(1)],
    outputs: [integers([2, 1], [3, 7])],
  },
  { op: "ReduceSum", inputs: [X, vector(2)], refuses: "axis 2 is outside a tensor of rank 2" },
  {
    op: "ReduceSum",
    inputs: [X, integers([1], [0])],
    refuses: "input 1 must be a constant of the graph",
  },
  {
    op: "ReduceMean",
    inputs: [X, vector(1)],
    outputs: [floats([2, 1], [3, 6])],
    upstream: [[3, 6]],
    gradients: [[1, 1, 1, 2, 2, 2]],
  },
  {
    op: "ReduceMean",
    inputs: [XBS, vector(-1)],
    attributes: { keepdims: 0 },
    outputs: [floats([2], [3, 6], ["B"])],
    upstream: [[3, 6]],
    gradients: [[1, 1, 1, 2, 2, 2]],
  },
  {
    op: "ReduceMean",
    inputs: [XBS],
    attributes: { keepdims: 0 },
    outputs: [floats([], [4.5])],
    upstream: [[12]],
    gradients: [[2, 2, 2, 2, 2, 2]],
  },
  {
    op: "ReduceMax",
    inputs: [XBS, vector(1)],
    attributes: { keepdims: 0 },
    outputs: [floats([2], [6, 9], ["B"])],
    upstream: [[2, 3]],
    gradients: [[0, 0, 2, 0, 3, 0]],
  },
  // Equal largest share the gradient.
  {
    op: "ReduceMax",
    inputs: [floats([2, 2], [5, 5, 1, 2]), vector(-1)],
    outputs: [floats([2, 1], [5, 2])],
    gradients: [[0.5, 0.5, 0, 1]],
    kink: true,
  },
  {
    op: "ReduceMax",
    inputs: [X],
    attributes: { keepdims: 0 },
    outputs: [floats([], [9])],
    gradients: [[0, 0, 0, 0, 1, 0]],
  },
];
