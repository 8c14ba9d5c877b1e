import { fixed, floats, type Row } from "./testing.ts";

const X = floats([1, 2, 1, 2], [1, 3, 10, 20], ["B", 2, 1, 2]);
const STATISTICS = [
  [2, 3],
  [100, 200],
  [1, 10],
  [4, 25],
].map((data) => fixed(floats([2], data)));

export const BATCH_NORMALIZATION_ROWS: readonly Row[] = [
  // (x - 1) / 2 * 2 + 100 in the first channel, (x - 10) / 5 * 3 + 200 in the second.
  {
    op: "BatchNormalization",
    inputs: [X, ...STATISTICS],
    attributes: { epsilon: { type: "float", value: 0 } },
    outputs: [floats([1, 2, 1, 2], [100, 102, 200, 206], ["B", 2, 1, 2])],
    upstream: [[1, 2, 5, 10]],
    gradients: [[1, 2, 3, 6], null, null, null, null],
  },
  {
    op: "BatchNormalization",
    inputs: [X, ...STATISTICS],
    attributes: { training_mode: 1 },
    refuses: "BatchNormalization: training_mode=0 is known",
  },
  {
    op: "BatchNormalization",
    inputs: [floats([1, 3], [1, 2, 3]), ...STATISTICS],
    refuses: "BatchNormalization wants [3] a channel, seen: [2]",
  },
];
