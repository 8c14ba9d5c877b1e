import { fixed, floats, type Row, vector } from "./testing.ts";

const X = floats([2, 3], [1, 2, 3, 4, 5, 6]);
const XBS = floats([2, 3], [1, 2, 3, 4, 5, 6], ["B", "S"]);
const END = 2 ** 31 - 1;

export const SLICE_ROWS: readonly Row[] = [
  {
    op: "Slice",
    inputs: [X, vector(1), vector(3), vector(1)],
    outputs: [floats([2, 2], [2, 3, 5, 6])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[0, 1, 2, 0, 3, 4], null, null, null],
  },
  // Starts and ends counted from the end.
  {
    op: "Slice",
    inputs: [X, vector(-2), vector(-1), vector(-1)],
    outputs: [floats([2, 1], [2, 5])],
    gradients: [[0, 1, 0, 0, 1, 0], null, null, null],
  },
  // Without axes: the leading ones. Places outside the axis are brought back to its edge.
  {
    op: "Slice",
    inputs: [X, vector(-9, 1), vector(1, END)],
    outputs: [floats([1, 2], [2, 3])],
    gradients: [[0, 1, 1, 0, 0, 0], null, null],
  },
  {
    op: "Slice",
    inputs: [X, vector(0, 1), vector(1, 3), vector(0, 1), vector(1, 1)],
    outputs: [floats([1, 2], [2, 3])],
    gradients: [[0, 1, 1, 0, 0, 0], null, null, null, null],
  },
  {
    op: "Slice",
    inputs: [XBS, vector(1), vector(END), vector(1)],
    outputs: [floats([2, 2], [2, 3, 5, 6], ["B", "S-1"])],
    gradients: [[0, 1, 1, 0, 1, 1], null, null, null],
  },
  {
    op: "Slice",
    inputs: [XBS, vector(-1, 0), vector(END, 2), vector(1, 0)],
    outputs: [floats([2, 1], [3, 6], [2, 1])],
    gradients: [[0, 0, 1, 0, 0, 1], null, null, null],
  },
  {
    op: "Slice",
    inputs: [XBS, vector(0), vector(-1), vector(1)],
    outputs: [floats([2, 2], [1, 2, 4, 5], ["B", "S-1"])],
    gradients: [[1, 1, 0, 1, 1, 0], null, null, null],
  },
  { op: "Slice", inputs: [X, vector(3), vector(1), vector(1)], outputs: [floats([2, 0], [])] },
  { op: "Slice", inputs: [X, vector(0), vector(3), vector(1), vector(2)], refuses: "Slice: only steps of 1" },
  {
    op: "Slice",
    inputs: [X, vector(0), vector(3), vector(2)],
    refuses: "axis 2 is outside a tensor of rank 2",
  },
  {
    op: "Slice",
    inputs: [X, vector(0), vector(3), vector(0, 1)],
    refuses: "Slice: starts, ends and axes must be known",
  },
  {
    op: "Pad",
    inputs: [floats([2], [1, 2]), vector(1, 2)],
    outputs: [floats([5], [0, 1, 2, 0, 0])],
    upstream: [[1, 2, 3, 4, 5]],
    gradients: [[2, 3], null],
  },
  {
    op: "Pad",
    inputs: [floats([1, 2], [1, 2], ["B", "S"]), vector(0, 1), fixed(floats([], [-5])), vector(-1)],
    outputs: [floats([1, 3], [1, 2, -5], ["B", "S+1"])],
    upstream: [[1, 2, 3]],
    gradients: [[1, 2], null, null, null],
  },
  {
    op: "Pad",
    inputs: [floats([1, 1], [7], ["B", 1]), vector(1, 0, 0, 1)],
    outputs: [floats([2, 2], [0, 0, 7, 0], ["B+1", 2])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[3], null],
  },
  { op: "Pad", inputs: [X, vector(1, 1)], refuses: "Pad wants 4 known pads of at least 0" },
  { op: "Pad", inputs: [X, vector(-1, 0, 0, 0)], refuses: "Pad wants 4 known pads of at least 0" },
  {
    op: "Pad",
    inputs: [X, vector(1, 1, 1, 1)],
    attributes: { mode: "reflect" },
    refuses: "Pad: the mode is constant, seen: reflect",
  },
];
