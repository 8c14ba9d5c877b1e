import { fixed, floats, integers, type Row } from "./testing.ts";

const X = floats([2, 3], [1, 2, 3, 4, 5, 6], ["S", "P+S"]);

export const TRILU_ROWS: readonly Row[] = [
  {
    op: "Trilu",
    inputs: [X],
    binds: { P: 1 },
    outputs: [floats([2, 3], [1, 2, 3, 0, 5, 6], ["S", "P+S"])],
    gradients: [[1, 1, 1, 0, 1, 1]],
  },
  {
    op: "Trilu",
    inputs: [X, fixed(integers([], [1]))],
    binds: { P: 1 },
    outputs: [floats([2, 3], [0, 2, 3, 0, 0, 6], ["S", "P+S"])],
    gradients: [[0, 1, 1, 0, 0, 1], null],
  },
  {
    op: "Trilu",
    inputs: [floats([2, 1, 2], [1, 2, 3, 4]), fixed(integers([], [-1]))],
    attributes: { upper: 0 },
    outputs: [floats([2, 1, 2], [0, 0, 0, 0])],
    gradients: [[0, 0, 0, 0], null],
  },
  {
    op: "Trilu",
    inputs: [floats([2, 1, 2], [1, 2, 3, 4])],
    attributes: { upper: 0 },
    outputs: [floats([2, 1, 2], [1, 0, 3, 0])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[1, 0, 3, 0]],
  },
  { op: "Trilu", inputs: [floats([2], [1, 2])], refuses: "Trilu wants a matrix at least, seen rank 1" },
];
