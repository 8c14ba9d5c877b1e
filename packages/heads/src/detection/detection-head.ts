import type { GraphBuilder, Value } from "@kilotune/engine";
import { bias, type HeadTensor, weight } from "../head-tensors.ts";
import { gridFeatures, gridTensors, headInputs, linear, type PatchGrid } from "../patch-grid.ts";

/**
 * An anchor-free head: for each cell how much it is the middle of an object of each class (Zhou et al., arXiv:1904.07850),
 * and how far it is to the object's four sides (Tian et al., arXiv:1904.01355). C classes, s x s cells a patch, R cells.
 */
export interface DetectionSpec extends PatchGrid {
  readonly classes: number;
  readonly cellsPerPatch: number;
  /** Side of a square cell, in pixels of the tensor. */
  readonly cellSize: number;
  /** What distances start from, in cells: half of a usual object's side. */
  readonly usualReach: number;
}

/** Of a cell's numbers: scores of the classes, then the logarithms of the distances to left, top, right, bottom in cells. */
export function numbersPerCell({ classes }: Pick<DetectionSpec, "classes">): number {
  return classes + 4;
}

export function detectionTensors(spec: DetectionSpec): HeadTensor[] {
  const { innerWidth: D, cellsPerPatch: s, classes: C } = spec;
  return [
    ...gridTensors(spec),
    weight("head.scores.weight", s * s * C, D, 16 * D),
    // One cell in a hundred: else the many empty ones would fill the first epochs.
    bias("head.scores.bias", s * s * C, -Math.log(99)),
    weight("head.sides.weight", s * s * 4, D, 16 * D),
    bias("head.sides.bias", s * s * 4, Math.log(spec.usualReach)),
  ];
}

/** tokens -> [B, R, C + 4], cells row by row of the image */
export function detectionOutput(b: GraphBuilder, tokens: readonly Value[], spec: DetectionSpec): Value {
  const { width, height, cellsPerPatch: s, classes: C } = spec;
  const inputs = headInputs(b, detectionTensors(spec));
  const features = gridFeatures(b, tokens, spec, inputs);
  const byCell = (name: string, numbers: number) => {
    const patches = linear(b, features, name, inputs);
    const split = b.op("Reshape", [patches, b.ints([-1, height, width, s, s, numbers])]);
    const ordered = b.op("Transpose", [split], { perm: [0, 1, 3, 2, 4, 5] });
    return b.op("Reshape", [ordered, b.ints([-1, height * s * width * s, numbers])]);
  };
  return b.op("Concat", [byCell("head.scores", C), byCell("head.sides", 4)], { axis: 2 });
}

/**
 * The loss of output [B, R, C + 4]. Inputs as `detectionTargets` makes them: `middles` [B, R, C] (1 where an object's middle
 * is), `elsewhere` [B, R, C] (how wrong a middle would be there), `sides` [B, R, 4] in cells, `inside` [B, R], and `scale`,
 * one over the batch's objects.
 *
 * Scores by the focal loss of CenterNet; sides by 1 - IoU, so that large and small objects count alike.
 */
export function detectionLoss(b: GraphBuilder, output: Value, { classes: C }: DetectionSpec): Value {
  const [scores, reach] = b.node("Split", [output, b.ints([C, 4])], { axis: 2 }, { outputs: 2 }) as [
    Value,
    Value,
  ];
  const cells = output.shape[1]!;
  const middles = b.input("middles", "float32", ["B", cells, C]);
  const elsewhere = b.input("elsewhere", "float32", ["B", cells, C]);
  const sides = b.input("sides", "float32", ["B", cells, 4]);
  const inside = b.input("inside", "float32", ["B", cells]);
  const scale = b.input("scale", "float32", []);

  const square = (x: Value) => b.op("Mul", [x, x]);
  const p = b.op("Sigmoid", [scores]);
  const missed = b.op("Mul", [
    square(b.op("Sub", [b.scalar(1), p])),
    b.op("Softplus", [b.op("Neg", [scores])]),
  ]);
  const invented = b.op("Mul", [square(p), b.op("Softplus", [scores])]);
  const focal = b.op("Add", [b.op("Mul", [middles, missed]), b.op("Mul", [elsewhere, invented])]);

  const four = (x: Value) =>
    b.node("Split", [x, b.ints([1, 1, 1, 1])], { axis: 2 }, { outputs: 4 }) as Value[];
  // Past e^8 cells no image reaches; without a bound one wild step would never come back.
  const bounded = b.op("Clip", [reach, b.scalar(-8), b.scalar(8)]);
  const [given, wanted] = [four(b.op("Exp", [bounded])), four(sides)];
  const along = (from: readonly Value[], i: number) => b.op("Add", [from[i]!, from[i + 2]!]);
  const shared = (i: number) =>
    b.op("Add", [b.op("Min", [given[i]!, wanted[i]!]), b.op("Min", [given[i + 2]!, wanted[i + 2]!])]);
  const intersection = b.op("Mul", [shared(0), shared(1)]);
  const areas = [given, wanted].map((from) => b.op("Mul", [along(from, 0), along(from, 1)])) as [
    Value,
    Value,
  ];
  const union = b.op("Sub", [b.op("Add", areas), intersection]);
  const overlap = b.op("Div", [intersection, b.op("Add", [union, b.scalar(1e-6)])]);
  const apart = b.op("Mul", [inside, b.op("Sub", [b.scalar(1), b.op("Squeeze", [overlap, b.ints([2])])])]);

  const total = (x: Value) => b.op("ReduceSum", [x], { keepdims: 0 });
  return b.op("Mul", [scale, b.op("Add", [total(focal), b.op("Mul", [total(apart), b.scalar(2)])])]);
}
