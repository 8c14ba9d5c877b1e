import { fixed, floats, integers, type Row, vector } from "./testing.ts";

const X = floats([3, 2], [1, 2, 3, 4, 5, 6]);

export const GATHER_ROWS: readonly Row[] = [
  // A repeated index collects the gradients of all its copies.
  {
    op: "Gather",
    inputs: [X, integers([4], [2, 0, 2, -1])],
    outputs: [floats([4, 2], [5, 6, 1, 2, 5, 6, 5, 6])],
    upstream: [[1, 2, 3, 4, 5, 6, 7, 8]],
    gradients: [[3, 4, 0, 0, 13, 16], null],
  },
  // Token ids [B, S] into an embedding table.
  {
    op: "Gather",
    inputs: [X, integers([2, 2], [0, 1, 1, 1], ["B", "S"])],
    outputs: [floats([2, 2, 2], [1, 2, 3, 4, 3, 4, 3, 4], ["B", "S", 2])],
    gradients: [[1, 1, 3, 3, 0, 0], null],
  },
  {
    op: "Gather",
    inputs: [floats([2, 3], [1, 2, 3, 4, 5, 6], ["B", 3]), integers([3], [2, 0, 2])],
    attributes: { axis: 1 },
    outputs: [floats([2, 3], [3, 1, 3, 6, 4, 6], ["B", 3])],
    upstream: [[1, 2, 3, 4, 5, 6]],
    gradients: [[2, 0, 4, 5, 0, 10], null],
  },
  {
    op: "Gather",
    inputs: [floats([1, 2, 3], [1, 2, 3, 4, 5, 6], ["B", "S", 3]), integers([2, 1], [1, 1])],
    attributes: { axis: -1 },
    outputs: [floats([1, 2, 2, 1], [2, 2, 5, 5], ["B", "S", 2, 1])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[0, 3, 0, 0, 7, 0], null],
  },
  // The first token of each row, by a scalar that is known ..
  {
    op: "Gather",
    inputs: [floats([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8], ["B", "S", 2]), fixed(integers([], [0]))],
    attributes: { axis: 1 },
    outputs: [floats([2, 2], [1, 2, 5, 6], ["B", 2])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[1, 2, 0, 0, 3, 4, 0, 0], null],
  },
  {
    op: "Gather",
    inputs: [floats([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8], ["B", "S", 2]), fixed(integers([], [-1]))],
    attributes: { axis: 1 },
    outputs: [floats([2, 2], [3, 4, 7, 8], ["B", 2])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[0, 0, 1, 2, 0, 0, 3, 4], null],
  },
  // .. and by one that isn't, on each axis.
  {
    op: "Gather",
    inputs: [X, integers([], [1])],
    outputs: [floats([2], [3, 4])],
    upstream: [[7, 8]],
    gradients: [[0, 0, 7, 8, 0, 0], null],
  },
  {
    op: "Gather",
    inputs: [floats([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8], ["B", "S", 2]), integers([], [1])],
    attributes: { axis: 1 },
    outputs: [floats([2, 2], [3, 4, 7, 8], ["B", 2])],
    gradients: [[0, 0, 1, 1, 0, 0, 1, 1], null],
  },
  {
    op: "Gather",
    inputs: [floats([1, 2, 2], [1, 2, 3, 4]), integers([], [1])],
    attributes: { axis: 2 },
    outputs: [floats([1, 2], [2, 4])],
    upstream: [[5, 6]],
    gradients: [[0, 5, 0, 6], null],
  },
  { op: "Gather", inputs: [integers([3], [7, 8, 9]), vector(2)], outputs: [integers([1], [9])] },
  {
    op: "Gather",
    inputs: [X, vector(0)],
    attributes: { axis: 2 },
    refuses: "axis 2 is outside a tensor of rank 2",
  },
  { op: "Gather", inputs: [vector(7, 8), vector(2)], refuses: "Gather: index 2 is outside 2" },
  {
    op: "GatherElements",
    inputs: [X, integers([2, 2], [2, 0, 0, 0])],
    outputs: [floats([2, 2], [5, 2, 1, 2])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[3, 6, 0, 0, 1, 0], null],
  },
  {
    op: "GatherElements",
    inputs: [floats([2, 2], [1, 2, 3, 4], ["B", 2]), integers([2, 1], [1, -2], ["B", 1])],
    attributes: { axis: -1 },
    outputs: [floats([2, 1], [2, 3], ["B", 1])],
    gradients: [[0, 1, 1, 0], null],
  },
  {
    op: "GatherElements",
    inputs: [X, integers([1], [0])],
    refuses: "GatherElements: indices have the rank of x, 2",
  },
  {
    op: "ScatterElements",
    inputs: [floats([3], [1, 2, 3]), integers([2], [0, 2]), floats([2], [10, 20])],
    outputs: [floats([3], [10, 2, 20])],
  },
  {
    op: "ScatterElements",
    inputs: [floats([2, 2], [1, 2, 3, 4]), integers([2, 2], [1, 1, 0, -1]), floats([2, 2], [10, 20, 30, 40])],
    attributes: { axis: 1, reduction: "add" },
    outputs: [floats([2, 2], [1, 32, 33, 44])],
  },
  {
    op: "ScatterElements",
    inputs: [floats([1], [1]), integers([1], [0]), floats([1], [1])],
    attributes: { reduction: "mul" },
    refuses: "the reduction is none or add, seen: mul",
  },
  {
    op: "ScatterND",
    inputs: [X, integers([2, 1], [2, 0]), floats([2, 2], [10, 20, 30, 40])],
    outputs: [floats([3, 2], [30, 40, 3, 4, 10, 20])],
  },
  {
    op: "ScatterND",
    inputs: [X, integers([2, 2], [2, 0, 2, 0]), floats([2], [10, 20])],
    attributes: { reduction: "add" },
    outputs: [floats([3, 2], [1, 2, 3, 4, 35, 6])],
  },
  {
    op: "ScatterND",
    inputs: [X, integers([1, 1], [0]), floats([1, 2], [1, 1])],
    attributes: { reduction: "max" },
    refuses: "the reduction is none or add, seen: max",
  },
  {
    op: "OneHot",
    inputs: [integers([2], [1, -1], ["B"]), vector(3), fixed(floats([2], [0, 1]))],
    outputs: [floats([2, 3], [0, 1, 0, 0, 0, 1], ["B", 3])],
  },
  {
    op: "OneHot",
    inputs: [integers([2], [1, 5]), fixed(integers([], [2])), fixed(floats([2], [-1, 4]))],
    attributes: { axis: 0 },
    outputs: [floats([2, 2], [-1, -1, 4, -1])],
  },
  {
    op: "OneHot",
    inputs: [integers([2], [1, 5]), integers([1], [2]), fixed(floats([2], [0, 1]))],
    refuses: "input 1 must be a constant of the graph",
  },
];
