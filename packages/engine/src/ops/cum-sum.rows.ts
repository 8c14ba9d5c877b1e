import { fixed, floats, integers, type Row } from "./testing.ts";

const X = floats([2, 3], [1, 2, 3, 4, 5, 6], ["B", "S"]);
const G = [[1, 10, 100, 1, 10, 100]];
const LAST = fixed(integers([], [-1]));

export const CUM_SUM_ROWS: readonly Row[] = [
  {
    op: "CumSum",
    inputs: [X, LAST],
    outputs: [floats([2, 3], [1, 3, 6, 4, 9, 15], ["B", "S"])],
    upstream: G,
    gradients: [[111, 110, 100, 111, 110, 100], null],
  },
  {
    op: "CumSum",
    inputs: [X, LAST],
    attributes: { exclusive: 1, reverse: 1 },
    outputs: [floats([2, 3], [5, 3, 0, 11, 6, 0], ["B", "S"])],
    upstream: G,
    gradients: [[0, 1, 11, 0, 1, 11], null],
  },
  {
    op: "CumSum",
    inputs: [X, fixed(integers([], [0]))],
    attributes: { reverse: 1 },
    outputs: [floats([2, 3], [5, 7, 9, 4, 5, 6], ["B", "S"])],
    upstream: [[1, 2, 3, 4, 5, 6]],
    gradients: [[1, 2, 3, 5, 7, 9], null],
  },
  // Positions of XLM-R: how many real tokens stand up to here.
  { op: "CumSum", inputs: [integers([1, 4], [1, 1, 1, 0]), LAST], outputs: [integers([1, 4], [1, 2, 3, 3])] },
  { op: "CumSum", inputs: [X, fixed(integers([], [2]))], refuses: "axis 2 is outside a tensor of rank 2" },
];
