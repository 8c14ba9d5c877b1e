import { floats, type Row } from "./testing.ts";

const X = floats([1, 1, 3, 3], [1, 9, 3, 4, 5, 8, 7, 6, 2]);

export const POOL_ROWS: readonly Row[] = [
  // 9 is the largest of two windows, so it collects both gradients.
  {
    op: "MaxPool",
    inputs: [floats(X.dims, X.data, ["B", 1, 3, 3])],
    attributes: { kernel_shape: [2, 2] },
    outputs: [floats([1, 1, 2, 2], [9, 9, 7, 8], ["B", 1, 2, 2])],
    upstream: [[1, 10, 100, 1000]],
    gradients: [[0, 11, 0, 0, 0, 1000, 100, 0, 0]],
  },
  // Two rows of two channels: places are counted through all of x.
  {
    op: "MaxPool",
    inputs: [floats([2, 2, 1, 2], [1, 2, 4, 3, 5, 6, 8, 7])],
    attributes: { kernel_shape: [1, 2], strides: [1, 2] },
    outputs: [floats([2, 2, 1, 1], [2, 4, 6, 8]), { type: "int64", dims: [2, 2, 1, 1], data: [1, 2, 5, 6] }],
    upstream: [[1, 10, 100, 1000]],
    gradients: [[0, 1, 10, 0, 0, 100, 1000, 0]],
  },
  // As in YOLO's pyramid of pools: the size stays, what is outside never wins.
  {
    op: "MaxPool",
    inputs: [floats([1, 1, 1, 3], [-1, -2, -3])],
    attributes: { kernel_shape: [1, 3], pads: [0, 1, 0, 1] },
    outputs: [floats([1, 1, 1, 3], [-1, -1, -2])],
    upstream: [[1, 10, 100]],
    gradients: [[11, 100, 0]],
  },
  {
    op: "MaxPool",
    inputs: [X],
    attributes: { kernel_shape: [2, 2], ceil_mode: 1 },
    refuses: "pooling: ceil_mode=0 is known",
  },
  {
    op: "MaxPool",
    inputs: [floats([1, 1, 3, 3], X.data, [1, 1, "H", 3])],
    attributes: { kernel_shape: [2, 2] },
    refuses: "pooling needs image sizes in numbers, seen: H",
  },
  {
    op: "AveragePool",
    inputs: [floats(X.dims, X.data, ["B", 1, 3, 3])],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    outputs: [floats([1, 1, 1, 1], [4.75], ["B", 1, 1, 1])],
    upstream: [[4]],
    gradients: [[1, 1, 0, 1, 1, 0, 0, 0, 0]],
  },
  // Without the zeros around, a corner's mean is of fewer.
  {
    op: "AveragePool",
    inputs: [floats([1, 1, 1, 3], [1, 2, 6])],
    attributes: { kernel_shape: [1, 3], pads: [0, 1, 0, 1] },
    outputs: [floats([1, 1, 1, 3], [1.5, 3, 4])],
    upstream: [[2, 30, 200]],
    gradients: [[11, 111, 110]],
  },
  {
    op: "AveragePool",
    inputs: [floats([1, 1, 1, 3], [1, 2, 6])],
    attributes: { kernel_shape: [1, 3], pads: [0, 1, 0, 1], count_include_pad: 1 },
    outputs: [floats([1, 1, 1, 3], [1, 3, 8 / 3])],
    upstream: [[3, 30, 300]],
    gradients: [[11, 111, 110]],
  },
];
