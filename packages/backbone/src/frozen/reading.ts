import { KilotuneError } from "@kilotune/contract";
import { type Graph, type GraphBuilder, normalize, type Value } from "@kilotune/engine";
import type { FrozenFeatures } from "./graph.ts";
import type { FrozenManifest } from "./manifest.ts";
import type { Stage } from "./stages.ts";

/**
 * What heads read of a graph that is no transformer of ours: its levels, laid over one grid of cells; else tokens that it gives
 * for the image's patches; else one vector an image.
 *
 * B images, N cells, H numbers of a cell, C channels of a level.
 */
export interface Reading {
  /** "cls": one vector, where a class token would be. */
  readonly kind: "patches" | "cls";
  readonly hiddenSize: number;
  /** Side of a cell in pixels; of a vector the whole image is one, or as many squares as it takes. */
  readonly patchSize: number;
  /** N; 1 of a vector. */
  readonly cells: number;
  /** Stages and outputs that it is made of. */
  readonly read: readonly string[];
  /** -> [B, N, H] */
  of(b: GraphBuilder, features: FrozenFeatures): Value;
}

/** @throws KilotuneError `no_sites` where there is nothing of the kind */
export function readingOf(graph: Graph, manifest: FrozenManifest): Reading {
  return (
    levelsOf(manifest) ??
    tokensGiven(graph, manifest) ??
    vectorGiven(graph, manifest) ??
    nothing(graph, manifest)
  );
}

/** Side of a cell, in pixels. */
const CELL = 16;

/** The last stage of each size from an eighth of the image on, where one of them has cells of 16 pixels. */
function levelsOf({ stages, preprocessing: { width, height } }: FrozenManifest): Reading | undefined {
  const last = new Map<number, Stage>();
  for (const stage of stages) if (stage.stride >= 8 && stage.stride <= 64) last.set(stage.stride, stage);
  if (!last.has(CELL)) return undefined;
  const levels = [...last.values()];
  return {
    kind: "patches",
    hiddenSize: levels.reduce((sum, level) => sum + widthOf(level), 0),
    patchSize: CELL,
    cells: (height / CELL) * (width / CELL),
    read: levels.map(({ name }) => name),
    of: (b, { stages: found }) => tokensOf(b, found, levels),
  };
}

/** Of a transformer whose blocks weren't recognised: the last output [B, S, H] whose tokens are patches, behind a few others. */
function tokensGiven(
  graph: Graph,
  { preprocessing: { width, height } }: FrozenManifest,
): Reading | undefined {
  for (const output of [...graph.outputs].reverse()) {
    const [, S, H] = output.shape;
    if (
      output.shape.length !== 3 ||
      output.dtype !== "float32" ||
      typeof S !== "number" ||
      typeof H !== "number"
    )
      continue;
    const patchSize = patchSizeOf(S, width, height);
    if (patchSize === undefined) continue;
    const cells = (width / patchSize) * (height / patchSize);
    return {
      kind: "patches",
      hiddenSize: H,
      patchSize,
      cells,
      read: [output.name],
      of(b, { outputs }) {
        const tokens = outputs.get(output.name) as Value;
        return S === cells ? tokens : b.op("Slice", [tokens, b.ints([S - cells]), b.ints([S]), b.ints([1])]);
      },
    };
  }
  return undefined;
}

/** The side of a patch such that as few tokens as can be are none of the image's. */
function patchSizeOf(tokens: number, width: number, height: number): number | undefined {
  const most = greatestDivisor(width, height);
  for (let size = 2; size <= most; size++) {
    const leading = tokens - (width / size) * (height / size);
    if (most % size === 0 && leading >= 0) return leading <= MOST_LEADING ? size : undefined;
  }
  return undefined;
}

/** A class token and registers. */
const MOST_LEADING = 17;

/** The last output [B, H] of more than a few numbers: a pooled vector, or scores of the classes that it was trained for. */
function vectorGiven(
  graph: Graph,
  { preprocessing: { width, height } }: FrozenManifest,
): Reading | undefined {
  const output = graph.outputs.findLast(
    ({ shape, dtype }) => shape.length === 2 && dtype === "float32" && typeof shape[1] === "number",
  );
  if (output === undefined) return undefined;
  return {
    kind: "cls",
    hiddenSize: output.shape[1] as number,
    patchSize: greatestDivisor(width, height),
    cells: 1,
    read: [output.name],
    of: (b, { outputs }) => b.op("Unsqueeze", [outputs.get(output.name) as Value, b.ints([1])]),
  };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function nothing(graph: Graph, { id, stages }: FrozenManifest): never {
  const levels = stages.map(({ name, stride }) => `${name} at ${stride}`).join(", ") || "none";
  const outputs = graph.outputs.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join(", ");
  throw new KilotuneError(
    "no_sites",
    `${id}: expected a stage whose cells are ${CELL} pixels wide, or an output [batch, patches, H] or [batch, H]; seen stages ${levels}, outputs ${outputs}`,
    "Export it from pixels to features: a detector of the YOLO family, a residual network, or an encoder with its vectors.",
  );
}

/** Numbers of a level in each cell: those of finer ones stand side by side. */
function widthOf({ channels, stride }: Stage): number {
  return stride < CELL ? channels * (CELL / stride) ** 2 : channels;
}

/** Stages [B, C, rows, columns] -> [B, N, H]; each level's numbers in a cell have a mean square of one. */
function tokensOf(b: GraphBuilder, stages: ReadonlyMap<string, Value>, levels: readonly Stage[]): Value {
  const parts = levels.map((level) => {
    const value = stages.get(level.name) as Value;
    const { channels: C, stride } = level;
    const [, , rows, columns] = value.shape as [unknown, number, number, number];
    const k = Math.max(CELL / stride, 1);
    const [high, wide] = [rows / k, columns / k];
    const split = b.op("Reshape", [value, b.ints([-1, C, high, k, wide, k])]);
    const cells = b.op("Transpose", [split], { perm: [0, 2, 4, 1, 3, 5] });
    const width = widthOf(level);
    const normed = normalize(b, b.op("Reshape", [cells, b.ints([-1, high, wide, width])]));
    const scaled = b.op("Mul", [normed, b.scalar(Math.sqrt(width))]);
    const times = Math.max(stride / CELL, 1);
    const grown = repeated(b, repeated(b, scaled, 2, times), 1, times);
    return b.op("Reshape", [grown, b.ints([-1, high * times * wide * times, width])]);
  });
  return parts.length === 1 ? (parts[0] as Value) : b.op("Concat", parts, { axis: 2 });
}

/** [B, h, w, C] with each row (axis 1) or column (axis 2) so many times in a row. */
function repeated(b: GraphBuilder, x: Value, axis: 1 | 2, times: number): Value {
  if (times === 1) return x;
  const [, high, wide, C] = x.shape as [unknown, number, number, number];
  const apart = axis === 1 ? [-1, high, 1, wide, C] : [-1, high, wide, 1, C];
  const one = b.op("Reshape", [x, b.ints(apart)]);
  const many = b.op("Concat", Array<Value>(times).fill(one), { axis: axis + 1 });
  const grown = axis === 1 ? [high * times, wide] : [high, wide * times];
  return b.op("Reshape", [many, b.ints([-1, ...grown, C])]);
}
