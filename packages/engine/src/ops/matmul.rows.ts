import { float } from "../ir/builder.ts";
import { type Cell, fixed, floats, type Row } from "./testing.ts";

const A = floats([2, 3], [1, 2, 3, 4, 5, 6]);
const A_T = floats([3, 2], [1, 4, 2, 5, 3, 6]);
const B = floats([3, 2], [1, 0, 0, 1, 2, -1]);
const B_T = floats([2, 3], [1, 0, 2, 0, 1, -1]);
/** A B, and the gradients of its sum: the row sums of B in each row, the column sums of A in each column. */
const AB = [7, -1, 16, -1];
const DA = [1, 1, 1, 1, 1, 1];
const DB = [5, 5, 7, 7, 9, 9];

const bytes = (dims: readonly number[], data: readonly number[]): Cell => ({ type: "uint8", dims, data });
const signed = (dims: readonly number[], data: readonly number[]): Cell => ({ type: "int8", dims, data });
const int32 = (dims: readonly number[], data: readonly number[]): Cell => ({ type: "int32", dims, data });

export const MATMUL_ROWS: readonly Row[] = [
  { op: "MatMul", inputs: [A, B], outputs: [floats([2, 2], AB)], gradients: [DA, DB] },
  // A batch of activations against one weight: the weight's gradient sums over the batch.
  {
    op: "MatMul",
    inputs: [floats([2, 1, 2], [1, 2, 3, 4], ["B", "P+S", 2]), floats([2, 2], [1, 2, 3, 4])],
    binds: { P: 1, S: 0 },
    outputs: [floats([2, 1, 2], [7, 10, 15, 22], ["B", "P+S", 2])],
    gradients: [
      [3, 7, 3, 7],
      [4, 4, 6, 6],
    ],
  },
  // Attention: batch axes of both sides, one of them stretched.
  {
    op: "MatMul",
    inputs: [
      floats([2, 2, 1, 2], [1, 2, 3, 4, 5, 6, 7, 8], ["B", 2, "S", 2]),
      floats([1, 2, 2, 1], [1, -1, 2, 1], [1, 2, 2, "P"]),
    ],
    outputs: [floats([2, 2, 1, 1], [-1, 10, -1, 22], ["B", 2, "S", "P"])],
    gradients: [
      [1, -1, 2, 1, 1, -1, 2, 1],
      [6, 8, 10, 12],
    ],
  },
  {
    op: "MatMul",
    inputs: [A, A],
    refuses: "MatMul wants [.., M, K] and [.., K, N], seen: [2, 3] and [2, 3]",
  },
  {
    op: "MatMul",
    inputs: [A, floats([3], [1, 2, 3])],
    refuses: "MatMul wants [.., M, K] and [.., K, N], seen: [2, 3] and [3]",
  },
  { op: "Gemm", inputs: [A, B], outputs: [floats([2, 2], AB)], gradients: [DA, DB] },
  { op: "Gemm", inputs: [A_T, B], attributes: { transA: 1 }, outputs: [floats([2, 2], AB)] },
  {
    op: "Gemm",
    inputs: [A_T, B_T],
    attributes: { transA: 1, transB: 1 },
    outputs: [floats([2, 2], AB)],
    gradients: [
      [1, 1, 1, 1, 1, 1],
      [5, 7, 9, 5, 7, 9],
    ],
  },
  {
    op: "Gemm",
    inputs: [A, B_T, floats([2], [10, 20])],
    attributes: { transB: 1, alpha: float(0.5), beta: float(2) },
    outputs: [floats([2, 2], [23.5, 39.5, 28, 39.5])],
    gradients: [
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
      [2.5, 3.5, 4.5, 2.5, 3.5, 4.5],
      [4, 4],
    ],
  },
  {
    op: "Gemm",
    inputs: [floats([2, 3], A.data, ["B", 3]), fixed(B), floats([2, 1], [1, 2], ["B", 1])],
    outputs: [floats([2, 2], [8, 0, 18, 1], ["B", 2])],
    gradients: [DA, null, [2, 2]],
  },
  {
    op: "Gemm",
    inputs: [A, B, floats([], [1])],
    outputs: [floats([2, 2], [8, 0, 17, 0])],
    gradients: [DA, DB, [4]],
  },
  {
    op: "MatMulInteger",
    inputs: [bytes([2, 2], [0, 255, 128, 1]), signed([2, 1], [-63, 63]), bytes([], [128])],
    // (-128)(-63) + 127 * 63, 0 - 127 * 63
    outputs: [int32([2, 1], [16_065, -8001])],
  },
  {
    op: "MatMulInteger",
    inputs: [signed([1, 2], [-2, 3]), signed([2, 2], [1, -1, 5, 0])],
    outputs: [int32([1, 2], [13, 2])],
  },
  {
    op: "MatMulInteger",
    inputs: [A, signed([3, 1], [1, 2, 3])],
    refuses: "MatMulInteger wants uint8 or int8, seen: float32",
  },
  {
    op: "MatMulInteger",
    inputs: [bytes([1, 1], [1]), signed([1, 1], [1]), bytes([1], [1])],
    refuses: "MatMulInteger: a zero point is a scalar, seen: [1]",
  },
  { op: "Gemm", inputs: [A, B_T], refuses: "Gemm: inner dims 3 and 2 differ" },
  {
    op: "Gemm",
    inputs: [floats([1, 2, 3], A.data), B],
    refuses: "Gemm wants two matrices, seen: [1, 2, 3] and [3, 2]",
  },
  {
    op: "Gemm",
    inputs: [floats([1, 3], [1, 2, 3]), B, floats([2, 2], [1, 2, 3, 4])],
    refuses: "Gemm: C [2, 2] doesn't stretch to [1, 2]",
  },
];
