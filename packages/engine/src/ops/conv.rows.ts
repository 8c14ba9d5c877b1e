import { fixed, floats, type Row } from "./testing.ts";

const X = floats([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
const X_BATCH = floats([1, 1, 3, 3], X.data, ["B", 1, 3, 3]);
const KERNEL = fixed(floats([1, 1, 2, 2], [1, 2, 3, 4]));

export const CONV_ROWS: readonly Row[] = [
  // 1 + 2*2 + 3*4 + 4*5 = 37, then one step right adds 10, one down 30. Each element's gradient: the taps that read it.
  {
    op: "Conv",
    inputs: [X_BATCH, KERNEL, floats([1], [100])],
    outputs: [floats([1, 1, 2, 2], [137, 147, 167, 177], ["B", 1, 2, 2])],
    gradients: [[1, 3, 2, 4, 10, 6, 3, 7, 4], null, [4]],
  },
  // Patches of a ViT: stride = kernel; the last row and column are never reached.
  {
    op: "Conv",
    inputs: [X, KERNEL],
    attributes: { strides: [2, 2], kernel_shape: [2, 2] },
    outputs: [floats([1, 1, 1, 1], [37])],
    gradients: [[1, 2, 0, 3, 4, 0, 0, 0, 0], null],
  },
  {
    op: "Conv",
    inputs: [X, KERNEL],
    attributes: { dilations: [2, 2] },
    outputs: [floats([1, 1, 1, 1], [1 + 6 + 21 + 36])],
    gradients: [[1, 0, 2, 0, 0, 0, 3, 0, 4], null],
  },
  // Zeros above and on the left only.
  {
    op: "Conv",
    inputs: [X, KERNEL],
    attributes: { pads: [1, 1, 0, 0], strides: [2, 2] },
    outputs: [floats([1, 1, 2, 2], [4, 18, 7 * 4 + 4 * 2, 37 + 40])],
    gradients: [[4, 3, 4, 2, 1, 2, 4, 3, 4], null],
  },
  {
    op: "Conv",
    inputs: [floats([1, 2, 1, 1], [3, 5]), fixed(floats([4, 1, 1, 1], [1, 2, 3, 4]))],
    attributes: { group: 2 },
    outputs: [floats([1, 4, 1, 1], [3, 6, 15, 20])],
    upstream: [[1, 10, 100, 1000]],
    gradients: [[21, 4300], null],
  },
  {
    op: "Conv",
    inputs: [floats([3, 3], X.data), KERNEL],
    refuses: "Conv wants x [N, C, H, W] and weight [M, C/group, kH, kW], seen: [3, 3] and [1, 1, 2, 2]",
  },
  {
    op: "Conv",
    inputs: [floats([1, 1, 3, 3], X.data, [1, 1, "H", 3]), KERNEL],
    refuses: "convolutions need image sizes in numbers, seen: H",
  },
  {
    op: "Conv",
    inputs: [X, KERNEL],
    attributes: { auto_pad: "SAME_UPPER" },
    refuses: "convolutions need their pads in numbers, seen: auto_pad=SAME_UPPER",
  },
  // Each element's gradient is the convolution of the upstream ones: 1 + 2 + 3 + 4.
  {
    op: "ConvTranspose",
    inputs: [floats([1, 1, 1, 2], [1, 10], ["B", 1, 1, 2]), KERNEL],
    outputs: [floats([1, 1, 2, 3], [1, 12, 20, 3, 34, 40], ["B", 1, 2, 3])],
    gradients: [[10, 10], null],
  },
  {
    op: "ConvTranspose",
    inputs: [floats([1, 1, 1, 1], [1]), KERNEL, floats([1], [100])],
    attributes: { strides: [2, 2], pads: [1, 0, 0, 0], output_padding: [0, 1] },
    outputs: [floats([1, 1, 1, 3], [103, 104, 100])],
    upstream: [[1, 10, 100]],
    gradients: [[43], null, [111]],
  },
  {
    op: "ConvTranspose",
    inputs: [floats([1, 1, 1, 1], [1]), KERNEL],
    attributes: { output_shape: [3, 3] },
    refuses: "ConvTranspose needs its pads in numbers, seen: output_shape",
  },
];
