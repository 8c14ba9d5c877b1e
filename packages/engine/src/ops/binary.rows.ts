import { bools, fixed, floats, integers, type Row } from "./testing.ts";

const A = floats([2, 2], [1, -2, 3, 4]);
const ROW = floats([2], [2, 5]);

export const BINARY_ROWS: readonly Row[] = [
  {
    op: "Add",
    inputs: [A, A],
    outputs: [floats([2, 2], [2, -4, 6, 8])],
    gradients: [
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ],
  },
  {
    op: "Add",
    inputs: [A, ROW],
    outputs: [floats([2, 2], [3, 3, 5, 9])],
    upstream: [[1, 2, 3, 4]],
    gradients: [
      [1, 2, 3, 4],
      [4, 6],
    ],
  },
  // Both sides stretch, by different axes, and one by its rank.
  {
    op: "Add",
    inputs: [floats([2, 1, 1], [10, 20]), floats([1, 3], [1, 2, 3])],
    outputs: [floats([2, 1, 3], [11, 12, 13, 21, 22, 23])],
    upstream: [[1, 2, 3, 4, 5, 6]],
    gradients: [
      [6, 15],
      [5, 7, 9],
    ],
  },
  {
    op: "Add",
    inputs: [floats([2, 3], [1, 2, 3, 4, 5, 6], ["B", "P+S"]), floats([1, 3], [1, 1, 1], [1, "S+P"])],
    binds: { P: 1, S: 2 },
    outputs: [floats([2, 3], [2, 3, 4, 5, 6, 7], ["B", "P+S"])],
    gradients: [
      [1, 1, 1, 1, 1, 1],
      [2, 2, 2],
    ],
  },
  { op: "Add", inputs: [integers([2], [1, 2]), fixed(integers([], [5]))], outputs: [integers([2], [6, 7])] },
  {
    op: "Add",
    inputs: [floats([2, 3], Array(6).fill(0), ["B", "S"]), floats([2, 3], Array(6).fill(0), ["B", "T"])],
    refuses: "the shapes [B, S] and [B, T] don't broadcast: S against T",
  },
  {
    op: "Add",
    inputs: [floats([3], [1, 2, 3]), floats([2], [1, 2])],
    refuses: "the shapes [3] and [2] don't broadcast: 3 against 2",
  },
  {
    op: "Add",
    inputs: [floats([1], [1]), integers([1], [1])],
    refuses: "both inputs have one type, seen: float32 and int64",
  },
  { op: "Add", inputs: [floats([1], [1]), null], refuses: "input 1 is required and missing" },
  {
    op: "Sub",
    inputs: [A, ROW],
    outputs: [floats([2, 2], [-1, -7, 1, -1])],
    upstream: [[1, 2, 3, 4]],
    gradients: [
      [1, 2, 3, 4],
      [-4, -6],
    ],
  },
  {
    op: "Mul",
    inputs: [A, ROW],
    outputs: [floats([2, 2], [2, -10, 6, 20])],
    gradients: [
      [2, 5, 2, 5],
      [4, 2],
    ],
  },
  {
    op: "Mul",
    inputs: [floats([], [3]), A],
    outputs: [floats([2, 2], [3, -6, 9, 12])],
    gradients: [[6], [3, 3, 3, 3]],
  },
  {
    op: "Div",
    inputs: [A, floats([2], [2, 4])],
    outputs: [floats([2, 2], [0.5, -0.5, 1.5, 1])],
    gradients: [
      [0.5, 0.25, 0.5, 0.25],
      [-1, -0.125],
    ],
  },
  {
    op: "Div",
    inputs: [integers([3], [7, -7, 6]), fixed(integers([], [2]))],
    outputs: [integers([3], [3, -3, 3])],
  },
  {
    op: "Pow",
    inputs: [floats([3], [1, 2, -3]), fixed(floats([], [2]))],
    outputs: [floats([3], [1, 4, 9])],
    gradients: [[2, 4, -6], null],
  },
  {
    op: "Pow",
    inputs: [floats([2], [4, 9]), fixed(floats([1], [0.5]))],
    outputs: [floats([2], [2, 3])],
    gradients: [[1 / 4, 1 / 6], null],
  },
  // Of equals the first takes the gradient.
  {
    op: "Max",
    inputs: [floats([3], [1, 5, 2]), floats([3], [4, 3, 2])],
    outputs: [floats([3], [4, 5, 2])],
    gradients: [
      [0, 1, 1],
      [1, 0, 0],
    ],
    kink: true,
  },
  {
    op: "Max",
    inputs: [A, floats([], [2])],
    outputs: [floats([2, 2], [2, 2, 3, 4])],
    gradients: [[0, 0, 1, 1], [2]],
  },
  {
    op: "Min",
    inputs: [floats([3], [1, 5, 2]), floats([3], [4, 3, 2])],
    outputs: [floats([3], [1, 3, 2])],
    gradients: [
      [1, 0, 1],
      [0, 1, 0],
    ],
    kink: true,
  },
  {
    op: "Min",
    inputs: [A, floats([1, 2], [2, 2])],
    outputs: [floats([2, 2], [1, -2, 2, 2])],
    gradients: [
      [1, 1, 0, 0],
      [1, 1],
    ],
  },
  { op: "Max", inputs: [A, A, A], refuses: "two inputs are wanted, seen: 3" },
  { op: "Equal", inputs: [integers([3], [1, 2, 3]), integers([], [2])], outputs: [bools([3], [0, 1, 0])] },
  { op: "Equal", inputs: [A, floats([], [3])], outputs: [bools([2, 2], [0, 0, 1, 0])] },
  { op: "Less", inputs: [A, ROW], outputs: [bools([2, 2], [1, 1, 0, 1])] },
  {
    op: "LessOrEqual",
    inputs: [integers([2, 1], [1, 2]), integers([2], [1, 2])],
    outputs: [bools([2, 2], [1, 1, 0, 1])],
  },
  { op: "Greater", inputs: [A, ROW], outputs: [bools([2, 2], [0, 0, 1, 0])] },
  { op: "GreaterOrEqual", inputs: [A, floats([], [3])], outputs: [bools([2, 2], [0, 0, 1, 1])] },
  {
    op: "And",
    inputs: [bools([4], [0, 0, 1, 1]), bools([4], [0, 1, 0, 1])],
    outputs: [bools([4], [0, 0, 0, 1])],
  },
  { op: "Or", inputs: [bools([2, 1], [0, 1]), bools([2], [0, 1])], outputs: [bools([2, 2], [0, 1, 1, 1])] },
  {
    op: "Where",
    inputs: [bools([2, 2], [1, 0, 0, 1]), A, floats([2], [7, 8])],
    outputs: [floats([2, 2], [1, 8, 7, 4])],
    upstream: [[1, 2, 3, 4]],
    gradients: [null, [1, 0, 0, 4], [3, 2]],
  },
  // The mask of attention: a condition that stretches, a constant on one side.
  {
    op: "Where",
    inputs: [bools([1, 2], [1, 0]), A, fixed(floats([], [-1e4]))],
    outputs: [floats([2, 2], [1, -1e4, 3, -1e4])],
    gradients: [null, [1, 0, 1, 0], null],
  },
];
