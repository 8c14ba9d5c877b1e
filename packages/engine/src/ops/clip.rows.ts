import { fixed, floats, integers, type Row } from "./testing.ts";

const X = floats([4], [-3, 0, 1, 9], ["S"]);

export const CLIP_ROWS: readonly Row[] = [
  {
    op: "Clip",
    inputs: [X, fixed(floats([], [-1])), fixed(floats([], [2]))],
    outputs: [floats([4], [-1, 0, 1, 2], ["S"])],
    upstream: [[1, 2, 3, 4]],
    gradients: [[0, 2, 3, 0], null, null],
  },
  // On the bound itself the gradient passes.
  {
    op: "Clip",
    inputs: [X, null, fixed(floats([], [1]))],
    outputs: [floats([4], [-3, 0, 1, 1], ["S"])],
    gradients: [[1, 1, 1, 0], null, null],
    kink: true,
  },
  {
    op: "Clip",
    inputs: [X, fixed(floats([], [0.5]))],
    outputs: [floats([4], [0.5, 0.5, 1, 9], ["S"])],
    gradients: [[0, 0, 1, 1], null],
  },
  {
    op: "Clip",
    inputs: [integers([2], [-1, 3]), fixed(integers([], [0]))],
    outputs: [integers([2], [0, 3])],
  },
  { op: "Clip", inputs: [X, floats([1], [1])], refuses: "Clip wants scalar bounds of type float32" },
];
