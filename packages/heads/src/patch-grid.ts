import type { GraphBuilder, Value } from "@kilotune/engine";
import { bias, type HeadTensor, weight } from "./head-tensors.ts";

/**
 * B images, a grid of h x w patches, T tensors of tokens of H numbers, D inner width.
 *
 * The first half of every head here: tokens of some layers -> one narrow vector a patch that has seen its eight neighbours.
 */
export interface PatchGrid {
  /** Patches across and down. */
  readonly width: number;
  readonly height: number;
  readonly hiddenSize: number;
  /** How many layers' tokens are read: the last ones', and taps below. */
  readonly layers: number;
  readonly innerWidth: number;
}

export function gridTensors({ hiddenSize, layers, innerWidth: D }: PatchGrid): HeadTensor[] {
  return [
    weight("head.reduce.weight", D, layers * hiddenSize),
    bias("head.reduce.bias", D),
    weight("head.context.weight", D, 9 * D),
    bias("head.context.bias", D),
  ];
}

/** tokens, T times [B, h * w, H], each normed -> [B, h, w, D] */
export function gridFeatures(
  b: GraphBuilder,
  tokens: readonly Value[],
  grid: PatchGrid,
  inputs: HeadInputs,
): Value {
  const { width, height, innerWidth: D } = grid;
  const all = tokens.length === 1 ? tokens[0]! : b.op("Concat", tokens, { axis: 2 });
  const narrow = b.op("Gelu", [linear(b, all, "head.reduce", inputs)]);
  const maps = b.op("Reshape", [narrow, b.ints([-1, height, width, D])]);
  const seen = linear(b, neighbours(b, maps, [1, 2]), "head.context", inputs);
  return b.op("Gelu", [b.op("Add", [maps, seen])]);
}

/** Values of the graph's inputs by name. */
export type HeadInputs = ReadonlyMap<string, Value>;

export function headInputs(b: GraphBuilder, tensors: readonly HeadTensor[]): HeadInputs {
  return new Map(tensors.map(({ name, dims }) => [name, b.input(name, "float32", dims)]));
}

/** x [.., I] -> [.., O] */
export function linear(b: GraphBuilder, x: Value, name: string, inputs: HeadInputs): Value {
  return b.op("Add", [b.op("MatMul", [x, inputs.get(`${name}.weight`)!]), inputs.get(`${name}.bias`)!]);
}

/**
 * Each place's 3 x 3 neighbours side by side along the last axis, zeros past the edges: a convolution's weights are then a
 * plain matrix, whose gradient every runtime has.
 *
 * @param axes down and across, of known sizes
 * @param reach places from one neighbour to the next
 */
export function neighbours(b: GraphBuilder, x: Value, axes: readonly [number, number], reach = 1): Value {
  const [high, wide] = axes.map((axis) => x.shape[axis] as number) as [number, number];
  const padded = b.op("Pad", [x, b.ints([reach, reach, reach, reach]), null, b.ints(axes)]);
  const shifted = Array.from({ length: 9 }, (_, i) => {
    const [down, across] = [reach * Math.floor(i / 3), reach * (i % 3)];
    return b.op("Slice", [
      padded,
      b.ints([down, across]),
      b.ints([down + high, across + wide]),
      b.ints(axes),
    ]);
  });
  return b.op("Concat", shifted, { axis: x.shape.length - 1 });
}
