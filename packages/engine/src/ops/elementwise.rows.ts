import { bools, floats, type Row } from "./testing.ts";

/** tanh, sigmoid, erf and Gelu of one, to the last digit, as any table of functions gives them. */
const [TANH_1, SIGMOID_1, ERF_1, GELU_1] = [
  0.7615941559557649, 0.7310585786300049, 0.8427007929497149, 0.8413447460685429,
];
/** The normal density at one. */
const DENSITY_1 = 0.24197072451914337;

export const ELEMENTWISE_ROWS: readonly Row[] = [
  { op: "Neg", inputs: [floats([2], [1, -2])], outputs: [floats([2], [-1, 2])], gradients: [[-1, -1]] },
  {
    op: "Exp",
    inputs: [floats([2], [0, 1])],
    outputs: [floats([2], [1, Math.E])],
    gradients: [[1, Math.E]],
  },
  {
    op: "Log",
    inputs: [floats([2], [1, 4])],
    outputs: [floats([2], [0, 2 * Math.LN2])],
    gradients: [[1, 0.25]],
  },
  { op: "Sqrt", inputs: [floats([2], [4, 0.25])], outputs: [floats([2], [2, 0.5])], gradients: [[0.25, 1]] },
  {
    op: "Reciprocal",
    inputs: [floats([2], [2, -0.5])],
    outputs: [floats([2], [0.5, -2])],
    gradients: [[-0.25, -4]],
  },
  { op: "Abs", inputs: [floats([2], [-3, 2])], outputs: [floats([2], [3, 2])], gradients: [[-1, 1]] },
  {
    op: "Erf",
    inputs: [floats([3], [0, 1, -1])],
    outputs: [floats([3], [0, ERF_1, -ERF_1])],
    gradients: [[2 / Math.sqrt(Math.PI), 2 / Math.sqrt(Math.PI) / Math.E, 2 / Math.sqrt(Math.PI) / Math.E]],
  },
  {
    op: "Tanh",
    inputs: [floats([2], [0, 1])],
    outputs: [floats([2], [0, TANH_1])],
    gradients: [[1, 1 - TANH_1 ** 2]],
  },
  {
    op: "Sigmoid",
    inputs: [floats([2], [0, 1])],
    outputs: [floats([2], [0.5, SIGMOID_1])],
    gradients: [[0.25, SIGMOID_1 * (1 - SIGMOID_1)]],
  },
  {
    op: "Relu",
    inputs: [floats([3], [-1, 0, 2])],
    outputs: [floats([3], [0, 0, 2])],
    gradients: [[0, 0, 1]],
    kink: true,
  },
  { op: "Relu", inputs: [floats([2], [-1, 2], ["S"])], outputs: [floats([2], [0, 2], ["S"])] },
  // Far from zero the obvious ln(1 + e^x) overflows.
  {
    op: "Softplus",
    inputs: [floats([3], [0, 800, -800])],
    outputs: [floats([3], [Math.LN2, 800, 0])],
    gradients: [[0.5, 1, 0]],
  },
  {
    op: "Sin",
    inputs: [floats([2], [0, Math.PI / 2])],
    outputs: [floats([2], [0, 1])],
    gradients: [[1, 0]],
  },
  {
    op: "Cos",
    inputs: [floats([2], [0, Math.PI / 2])],
    outputs: [floats([2], [1, 0])],
    gradients: [[0, -1]],
  },
  { op: "Identity", inputs: [floats([2], [1, 2])], outputs: [floats([2], [1, 2])], gradients: [[1, 1]] },
  { op: "Sign", inputs: [floats([3], [-3, 0, 2])], outputs: [floats([3], [-1, 0, 1])] },
  { op: "Floor", inputs: [floats([3], [-1.5, 1.5, 2])], outputs: [floats([3], [-2, 1, 2])] },
  {
    op: "Round",
    inputs: [floats([8], [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.4, -1.6])],
    outputs: [floats([8], [0, 2, 2, 0, -2, -2, 0, -2])],
  },
  { op: "Not", inputs: [bools([2], [0, 1])], outputs: [bools([2], [1, 0])] },
  { op: "IsNaN", inputs: [floats([3], [0, Number.NaN, 1])], outputs: [bools([3], [0, 1, 0])] },
  {
    op: "Gelu",
    inputs: [floats([3], [0, 1, -1])],
    outputs: [floats([3], [0, GELU_1, GELU_1 - 1])],
    gradients: [[0.5, GELU_1 + DENSITY_1, 1 - GELU_1 - DENSITY_1]],
  },
  {
    op: "Gelu",
    inputs: [floats([1], [1])],
    attributes: { approximate: "tanh" },
    refuses: 'Gelu: approximate "none" is known, seen: "tanh"',
  },
];
