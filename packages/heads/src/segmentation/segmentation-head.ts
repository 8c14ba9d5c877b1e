import { crossEntropy, float32, type GraphBuilder, type Value } from "@kilotune/engine";
import { bias, type HeadTensor, weight } from "../head-tensors.ts";
import { gridFeatures, gridTensors, headInputs, linear, neighbours, type PatchGrid } from "../patch-grid.ts";

/**
 * A light decoder of masks: tokens say what a patch is of, the image itself where the edge runs. C classes, each patch cut
 * into s x s cells, so a map of h s x w s = R cells; E its width there.
 */
export interface SegmentationSpec extends PatchGrid {
  readonly classes: number;
  /** Cells a patch, across and down: 7 gives a cell of 2 x 2 pixels for patches of 14. */
  readonly cellsPerPatch: number;
  readonly cellWidth: number;
  /** Whether a patch says something of each of its cells, not one thing of all: files without it are older. */
  readonly byCell?: boolean;
}

/** Sides of the blocks of cells whose mean colour is looked at: a cell by itself, and coarser ones around it. */
export const BLOCKS: readonly number[] = [1, 3, 9];

export function segmentationTensors(spec: SegmentationSpec): HeadTensor[] {
  const { innerWidth: D, cellWidth: E, cellsPerPatch: s, classes: C, byCell = false } = spec;
  const seen = byCell ? 9 * E : E;
  return [
    ...gridTensors(spec),
    ...(byCell ? [weight("head.within.weight", s * s * E, D)] : []),
    weight("head.coarse.weight", E, D),
    bias("head.coarse.bias", E),
    // Half the spread, since two such sums are added.
    weight("head.detail.weight", E, 27 * BLOCKS.length, 54 * BLOCKS.length),
    bias("head.detail.bias", E),
    weight("head.cells.weight", E, seen),
    bias("head.cells.bias", E),
    weight("head.classes.weight", C, E),
    bias("head.classes.bias", C),
  ];
}

/**
 * tokens, and the image in cells as input `detail` [B, h s, w s, 9] (see `detailOf`) -> logits [B, h s, w s, C]. What is wide
 * is computed a patch, what is fine is narrow.
 */
export function segmentationLogits(b: GraphBuilder, tokens: readonly Value[], spec: SegmentationSpec): Value {
  const { width, height, cellsPerPatch: s, cellWidth: E, byCell = false } = spec;
  const inputs = headInputs(b, segmentationTensors(spec));
  const detail = b.input("detail", "float32", ["B", height * s, width * s, 3 * BLOCKS.length]);
  const features = gridFeatures(b, tokens, spec, inputs);
  const coarse = linear(b, features, "head.coarse", inputs);
  const maps = b.op("Transpose", [coarse], { perm: [0, 3, 1, 2] });
  const grown = b.op("Resize", [maps, null, b.constant(float32([1, 1, s, s], [4]))], { mode: "linear" });
  const smooth = b.op("Transpose", [grown], { perm: [0, 2, 3, 1] });
  const sizes = b.ints(BLOCKS.map(() => 3));
  const colours = b.node("Split", [detail, sizes], { axis: 3 }, { outputs: BLOCKS.length });
  // Nine blocks of each size, side by side: 27 x 27 cells are seen for the price of 27.
  const window = BLOCKS.map((block, i) => neighbours(b, colours[i]!, [1, 2], block));
  const fine = linear(b, b.op("Concat", window, { axis: 3 }), "head.detail", inputs);
  let told = b.op("Add", [smooth, fine]);
  if (byCell) {
    const within = b.op("MatMul", [features, inputs.get("head.within.weight")!]);
    const split = b.op("Reshape", [within, b.ints([-1, height, width, s, s, E])]);
    const ordered = b.op("Transpose", [split], { perm: [0, 1, 3, 2, 4, 5] });
    told = b.op("Add", [told, b.op("Reshape", [ordered, b.ints([-1, height * s, width * s, E])])]);
  }
  const seen = b.op("Gelu", [told]);
  // A cell at the edge of its patch hears of those beyond.
  const around = byCell ? neighbours(b, seen, [1, 2]) : seen;
  const cells = b.op("Gelu", [linear(b, around, "head.cells", inputs)]);
  return linear(b, cells, "head.classes", inputs);
}

/**
 * Cross-entropy of the cells plus 1 - Dice of each class: the one is smooth, the other is what is asked in the end and
 * doesn't drown a rare class. Inputs as `segmentationTargets` makes them: `targets` [B, R, C] (shares of each class in a
 * cell), `weights` [B, R] (how much of it is known), and `scale`, one over the batch's weights.
 */
export function segmentationLoss(b: GraphBuilder, logits: Value, { classes: C }: SegmentationSpec): Value {
  const cells = (logits.shape[1] as number) * (logits.shape[2] as number);
  const flat = (value: Value, ...shape: number[]) => b.op("Reshape", [value, b.ints([-1, ...shape])]);
  const targets = flat(b.input("targets", "float32", ["B", cells, C]), C);
  const weights = b.op("Mul", [
    flat(b.input("weights", "float32", ["B", cells])),
    b.input("scale", "float32", []),
  ]);
  const rows = flat(logits, C);
  const known = b.op("Unsqueeze", [weights, b.ints([1])]);
  const sum = (value: Value) =>
    b.op("ReduceSum", [b.op("Mul", [value, known]), b.ints([0])], { keepdims: 0 });
  const shares = b.op("Softmax", [rows], { axis: -1 });
  const both = b.op("Add", [sum(shares), sum(targets)]);
  // The smallest of additions: a class that is nowhere, and isn't seen anywhere, scores 1.
  const smooth = b.scalar(1e-4);
  const twice = b.op("Mul", [b.op("Add", [sum(b.op("Mul", [shares, targets])), smooth]), b.scalar(2)]);
  const dice = b.op("Div", [twice, b.op("Add", [both, b.scalar(2e-4)])]);
  const missed = b.op("Sub", [b.scalar(1), b.op("ReduceMean", [dice], { keepdims: 0 })]);
  // A batch's parts are added: each counts by its share of the weights.
  const share = b.op("ReduceSum", [weights], { keepdims: 0 });
  return b.op("Add", [crossEntropy(b, rows, targets, weights), b.op("Mul", [share, missed])]);
}
