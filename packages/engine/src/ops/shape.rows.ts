import { bools, fixed, floats, integers, type Row, vector } from "./testing.ts";

export const SHAPE_ROWS: readonly Row[] = [
  { op: "Shape", inputs: [floats([2, 0, 3], [], ["B", "P", 3])], outputs: [integers([3], [2, 0, 3])] },
  {
    op: "Shape",
    inputs: [floats([2, 0, 3], [], ["B", "P", 3])],
    attributes: { start: -2, end: 9 },
    outputs: [integers([2], [0, 3])],
  },
  {
    op: "Shape",
    inputs: [floats([2, 3], [1, 2, 3, 4, 5, 6])],
    attributes: { end: -1 },
    outputs: [integers([1], [2])],
  },
  { op: "ConstantOfShape", inputs: [vector(2, 1)], outputs: [floats([2, 1], [0, 0])] },
  {
    op: "ConstantOfShape",
    inputs: [vector(2)],
    attributes: {
      value: { type: "tensor", value: { type: "int64", dims: [1], data: BigInt64Array.of(7n) } },
    },
    outputs: [integers([2], [7, 7])],
  },
  {
    op: "ConstantOfShape",
    inputs: [integers([1], [2])],
    refuses: "ConstantOfShape: the shape must be known, at least by symbols",
  },
  {
    op: "Range",
    inputs: [fixed(integers([], [2])), fixed(integers([], [5])), fixed(integers([], [1]))],
    outputs: [integers([3], [2, 3, 4])],
  },
  {
    op: "Range",
    inputs: [fixed(integers([], [0])), fixed(integers([], [6])), fixed(integers([], [2]))],
    refuses: "Range: known start and limit, step 1",
  },
  { op: "Cast", inputs: [integers([2], [0, 3])], attributes: { to: 1 }, outputs: [floats([2], [0, 3])] },
  {
    op: "Cast",
    inputs: [floats([2], [1.9, -1.9], ["S"])],
    attributes: { to: 7 },
    outputs: [integers([2], [1, -1], ["S"])],
  },
  { op: "Cast", inputs: [floats([2], [0, 0.5])], attributes: { to: 9 }, outputs: [bools([2], [0, 1])] },
  { op: "Cast", inputs: [bools([2], [0, 1])], attributes: { to: 1 }, outputs: [floats([2], [0, 1])] },
  {
    op: "Cast",
    inputs: [floats([2], [1, 2])],
    attributes: { to: 1 },
    outputs: [floats([2], [1, 2])],
    gradients: [[1, 1]],
  },
  {
    op: "Cast",
    inputs: [floats([1], [1])],
    attributes: { to: 8 },
    refuses: "Cast: ONNX type 8 isn't one of float32, uint8, int8, int32, int64, bool, float16, float64",
  },
];
