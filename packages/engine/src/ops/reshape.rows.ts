import { floats, integers, type Row, vector } from "./testing.ts";

const SIX = [1, 2, 3, 4, 5, 6];
const X = floats([2, 3], SIX);
const G = [SIX];

export const RESHAPE_ROWS: readonly Row[] = [
  {
    op: "Reshape",
    inputs: [X, vector(3, 2)],
    outputs: [floats([3, 2], SIX)],
    upstream: G,
    gradients: [SIX, null],
  },
  {
    op: "Reshape",
    inputs: [X, vector(0, -1, 1)],
    outputs: [floats([2, 3, 1], SIX)],
    upstream: G,
    gradients: [SIX, null],
  },
  // Heads split off and joined again, with a symbolic sum among the dims.
  {
    op: "Reshape",
    inputs: [floats([1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8], ["B", "P+S", 4]), vector(0, 0, 2, -1)],
    binds: { P: 1, S: 1 },
    outputs: [floats([1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8], ["B", "P+S", 2, 2])],
  },
  {
    op: "Reshape",
    inputs: [floats([1, 2, 3], SIX, ["B", "P+S", 3]), vector(-1, 3)],
    binds: { P: 1, S: 1 },
    outputs: [floats([2, 3], SIX, ["B*P+B*S", 3])],
    upstream: G,
    gradients: [SIX, null],
  },
  {
    op: "Reshape",
    inputs: [floats([0, 3], [], ["P", 3]), vector(0, 1, 3)],
    outputs: [floats([0, 1, 3], [], ["P", 1, 3])],
  },
  {
    op: "Reshape",
    inputs: [floats([0, 3], []), vector(3, 0)],
    attributes: { allowzero: 1 },
    outputs: [floats([3, 0], [])],
  },
  { op: "Reshape", inputs: [floats([1], [7]), vector()], outputs: [floats([], [7])], gradients: [[1], null] },
  { op: "Reshape", inputs: [X, vector(4, 2)], refuses: "Reshape: [2, 3] holds 6 elements, [4, 2] holds 8" },
  { op: "Reshape", inputs: [X, vector(4, -1)], refuses: "Reshape: [2, 3] doesn't divide into [4, -1]" },
  { op: "Reshape", inputs: [X, vector(6, 1, 0)], refuses: "Reshape: [2, 3] has no dim 2 to copy" },
  {
    op: "Reshape",
    inputs: [X, integers([2], [3, 2])],
    refuses: "Reshape: the shape must be known, at least by symbols",
  },
  {
    op: "Unsqueeze",
    inputs: [X, vector(0, -1)],
    outputs: [floats([1, 2, 3, 1], SIX)],
    upstream: G,
    gradients: [SIX, null],
  },
  {
    op: "Unsqueeze",
    inputs: [floats([2, 3], SIX, ["B", "S"]), vector(1, 2)],
    outputs: [floats([2, 1, 1, 3], SIX, ["B", 1, 1, "S"])],
    upstream: G,
    gradients: [SIX, null],
  },
  { op: "Unsqueeze", inputs: [X, vector(4)], refuses: "axis 4 is outside a tensor of rank 3" },
  {
    op: "Squeeze",
    inputs: [floats([2, 1, 3, 1], SIX, ["B", 1, "S", 1]), vector(1)],
    outputs: [floats([2, 3, 1], SIX, ["B", "S", 1])],
    upstream: G,
    gradients: [SIX, null],
  },
  {
    op: "Squeeze",
    inputs: [floats([2, 1, 3, 1], SIX), vector(-1, 1)],
    outputs: [floats([2, 3], SIX)],
    upstream: G,
    gradients: [SIX, null],
  },
  {
    op: "Squeeze",
    inputs: [floats([1, 6, 1], SIX)],
    outputs: [floats([6], SIX)],
    upstream: G,
    gradients: [SIX],
  },
  { op: "Squeeze", inputs: [X, vector(1)], refuses: "Squeeze: axis 1 of [2, 3] isn't 1" },
  {
    op: "Transpose",
    inputs: [X],
    outputs: [floats([3, 2], [1, 4, 2, 5, 3, 6])],
    upstream: [[1, 4, 2, 5, 3, 6]],
    gradients: [SIX],
  },
  // A perm that isn't its own inverse.
  {
    op: "Transpose",
    inputs: [floats([1, 2, 3], SIX, ["B", "S", 3])],
    attributes: { perm: [1, 2, 0] },
    outputs: [floats([2, 3, 1], SIX, ["S", 3, "B"])],
    upstream: G,
    gradients: [SIX],
  },
  {
    op: "Transpose",
    inputs: [floats([2, 1, 3], SIX)],
    attributes: { perm: [2, 0, 1] },
    outputs: [floats([3, 2, 1], [1, 4, 2, 5, 3, 6])],
    upstream: [[1, 4, 2, 5, 3, 6]],
    gradients: [SIX],
  },
  {
    op: "Transpose",
    inputs: [X],
    attributes: { perm: [0, 0] },
    refuses: "Transpose: perm [0, 0] isn't an order of 2 axes",
  },
  {
    op: "Transpose",
    inputs: [X],
    attributes: { perm: 1 },
    refuses: "the attribute perm is ints, seen: int",
  },
  {
    op: "Expand",
    inputs: [floats([2, 1], [3, 4]), vector(2, 3)],
    outputs: [floats([2, 3], [3, 3, 3, 4, 4, 4])],
    upstream: G,
    gradients: [[6, 15], null],
  },
  {
    op: "Expand",
    inputs: [floats([3], [1, 2, 3], ["S"]), vector(2, 1)],
    outputs: [floats([2, 3], [1, 2, 3, 1, 2, 3], [2, "S"])],
    upstream: G,
    gradients: [[5, 7, 9], null],
  },
  {
    op: "Expand",
    inputs: [floats([], [2]), vector(2)],
    outputs: [floats([2], [2, 2])],
    gradients: [[2], null],
  },
  { op: "Expand", inputs: [X, vector(4)], refuses: "the shapes [2, 3] and [4] don't broadcast: 3 against 4" },
];
