import { floats, integers, type Row, vector } from "./testing.ts";

const X = floats([2, 3], [1, 2, 3, 4, 5, 6]);

export const CONCAT_ROWS: readonly Row[] = [
  {
    op: "Concat",
    inputs: [X, floats([1, 3], [7, 8, 9])],
    attributes: { axis: 0 },
    outputs: [floats([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
    upstream: [[1, 2, 3, 4, 5, 6, 7, 8, 9]],
    gradients: [
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9],
    ],
  },
  // Prompt keys in front of the text's keys.
  {
    op: "Concat",
    inputs: [floats([1, 1, 2], [1, 2], ["B", "P", 2]), floats([1, 2, 2], [3, 4, 5, 6], ["B", "S", 2])],
    attributes: { axis: -2 },
    outputs: [floats([1, 3, 2], [1, 2, 3, 4, 5, 6], ["B", "P+S", 2])],
    upstream: [[1, 2, 3, 4, 5, 6]],
    gradients: [
      [1, 2],
      [3, 4, 5, 6],
    ],
  },
  // No prompt at all.
  {
    op: "Concat",
    inputs: [floats([2, 0], [], [2, "P"]), floats([2, 1], [3, 4], [2, "S"])],
    attributes: { axis: 1 },
    outputs: [floats([2, 1], [3, 4], [2, "P+S"])],
  },
  { op: "Concat", inputs: [X], attributes: { axis: 1 }, outputs: [X], gradients: [[1, 1, 1, 1, 1, 1]] },
  {
    op: "Concat",
    inputs: [X, floats([2, 2], [1, 2, 3, 4])],
    attributes: { axis: 0 },
    refuses: "Concat on axis 0: float32[2, 3] and float32[2, 2] differ elsewhere",
  },
  {
    op: "Concat",
    inputs: [X, integers([2, 3], [1, 2, 3, 4, 5, 6])],
    attributes: { axis: 0 },
    refuses: "Concat on axis 0: float32[2, 3] and int64[2, 3] differ elsewhere",
  },
  { op: "Concat", inputs: [X, X], refuses: "Concat wants an axis" },
  {
    op: "Split",
    inputs: [X, vector(1, 2)],
    attributes: { axis: -1 },
    outputs: [floats([2, 1], [1, 4]), floats([2, 2], [2, 3, 5, 6])],
    upstream: [
      [10, 20],
      [1, 2, 3, 4],
    ],
    gradients: [[10, 1, 2, 20, 3, 4], null],
  },
  {
    op: "Split",
    inputs: [floats([1, 6], [1, 2, 3, 4, 5, 6], ["B", 6])],
    attributes: { axis: 1, num_outputs: 3 },
    outputs: [
      floats([1, 2], [1, 2], ["B", 2]),
      floats([1, 2], [3, 4], ["B", 2]),
      floats([1, 2], [5, 6], ["B", 2]),
    ],
    unread: [1],
    upstream: [[1, 2], [], [3, 4]],
    gradients: [[1, 2, 0, 0, 3, 4]],
  },
  { op: "Split", inputs: [X], attributes: { axis: 0 }, refuses: "Split wants sizes or num_outputs=1" },
  { op: "Split", inputs: [X, vector(2)], attributes: { axis: 1 }, refuses: "Split: 3 into 1 parts of [2]" },
];
