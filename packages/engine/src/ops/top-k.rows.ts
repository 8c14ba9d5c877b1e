import { floats, type Row, vector } from "./testing.ts";

export const TOP_K_ROWS: readonly Row[] = [
  {
    op: "TopK",
    inputs: [floats([2, 3], [1, 3, 2, 6, 4, 5], ["B", 3]), vector(2)],
    outputs: [
      floats([2, 2], [3, 2, 6, 5], ["B", 2]),
      { type: "int64", dims: [2, 2], data: [1, 2, 0, 2], shape: ["B", 2] },
    ],
  },
  {
    op: "TopK",
    inputs: [floats([3, 2], [1, 6, 3, 4, 2, 5]), vector(1)],
    attributes: { axis: 0, largest: 0 },
    outputs: [floats([1, 2], [1, 4]), { type: "int64", dims: [1, 2], data: [0, 1] }],
  },
  {
    op: "TopK",
    inputs: [floats([2], [1, 2]), vector(3)],
    refuses: "TopK: k is at most 2, seen: 3",
  },
];
