import { type Dim, multiplyDims } from "../ir/dim.ts";
import type { Attributes, Value } from "../ir/graph.ts";
import {
  aroundAxis,
  floatOr,
  formatShape,
  gradient,
  input,
  intOr,
  numbersOf,
  real,
  stringOr,
} from "./access.ts";
import { type InferContext, type OpRule, type RealTensor, RuleError, type VjpContext } from "./rule.ts";

/**
 * y = x at another size: along each axis a matrix R [to, from] of the interpolation's weights, y = R x. With both axes of
 * an image, y = Ry x Rx^T; g -> Ry^T g Rx. Inputs: x, no region, `scales` or `sizes`, constants both.
 */
export const Resize: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    return [{ dtype: x.dtype, shape: resizedShape(context, x.shape) }];
  },
  evaluate: (context) => {
    let x = real(context, 0);
    const scales = context.inputs[2]?.data;
    const sizes = context.inputs[3]?.data;
    const dims = x.dims.map((dim, axis) =>
      scales && scales.length > 0
        ? Math.floor(dim * (scales[axis] as number))
        : ((sizes as Float64Array)[axis] as number),
    );
    dims.forEach((to, axis) => {
      const scale = scales?.[axis] ?? to / (x.dims[axis] as number);
      if (to === x.dims[axis] && scale === 1) return;
      x = along(
        x,
        axis,
        resizeMatrix(x.dims[axis] as number, to, { ...methodOf(context.attributes), scale }),
      );
    });
    return [x];
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    const x = input(node, 0);
    const rank = x.shape.length;
    let g = gradient(context);
    for (const axis of changedAxes(context)) {
      if (axis < rank - 2) throw new RuleError("Resize passes a gradient along the last two axes only");
      const [from, to] = [x.shape[axis] as number, g.shape[axis] as number];
      const matrix = resizeMatrix(from, to, {
        ...methodOf(node.attributes),
        scale: scaleOf(context, axis, from, to),
      });
      const flat = (rows: number, columns: number, at: (row: number, column: number) => number) =>
        b.constant({
          type: "float32",
          dims: [rows, columns],
          data: Float32Array.from({ length: rows * columns }, (_, each) =>
            at(Math.floor(each / columns), each % columns),
          ),
        });
      const weight = (row: number, column: number) => matrix[row * from + column] as number;
      g =
        axis === rank - 1
          ? b.op("MatMul", [g, flat(to, from, weight)])
          : b.op("MatMul", [flat(from, to, (row, column) => weight(column, row)), g]);
    }
    return [g, null, null, null];
  },
};

export interface ResizeMethod {
  readonly mode: "nearest" | "linear" | "cubic";
  /** Where an output's middle lies in the input, in ONNX's words. */
  readonly coordinates: "half_pixel" | "pytorch_half_pixel" | "asymmetric" | "align_corners";
  readonly nearest: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
  /** Keys' cubic: -0.75 in ONNX and in PyTorch without antialiasing, -0.5 with it and in Pillow. */
  readonly cubicA: number;
  /** When shrinking, each output sees all inputs that it covers. */
  readonly antialias: boolean;
  /** What lies outside counts for nothing, as in PyTorch's antialiasing; else the edge stands for it. */
  readonly excludeOutside: boolean;
  /** to / from, where it isn't exactly that. */
  readonly scale?: number;
}

/** Weights [to, from], row-major, that resample one axis. Each row sums to one. */
export function resizeMatrix(from: number, to: number, method: ResizeMethod): Float64Array {
  const matrix = new Float64Array(to * from);
  const scale = method.scale ?? to / from;
  for (let row = 0; row < to; row++) {
    const center = sourceOf(row, from, to, scale, method);
    for (const [column, weight] of tapsAt(center, from, scale, method)) {
      const at = row * from + Math.min(Math.max(column, 0), from - 1);
      matrix[at] = (matrix[at] as number) + weight;
    }
  }
  return matrix;
}

function sourceOf(
  row: number,
  from: number,
  to: number,
  scale: number,
  { coordinates }: ResizeMethod,
): number {
  if (coordinates === "asymmetric") return row / scale;
  if (coordinates === "align_corners") return to === 1 ? 0 : (row * (from - 1)) / (to - 1);
  if (coordinates === "pytorch_half_pixel" && to === 1) return 0;
  return (row + 0.5) / scale - 0.5;
}

/** Which inputs an output reads, and how much of each. Columns may lie outside: the edge stands for them. */
function tapsAt(center: number, from: number, scale: number, method: ResizeMethod): [number, number][] {
  if (method.mode === "nearest") return [[nearestTo(center, method.nearest), 1]];
  const kernel = method.mode === "linear" ? triangle : (x: number) => cubic(x, method.cubicA);
  const reach = method.mode === "linear" ? 1 : 2;
  const stretch = method.antialias ? Math.max(1, 1 / scale) : 1;
  const taps: [number, number][] = [];
  for (let at = Math.ceil(center - reach * stretch); at <= center + reach * stretch; at++) {
    const inside = at >= 0 && at < from;
    const weight = kernel((at - center) / stretch);
    if (weight !== 0 && (inside || !method.excludeOutside)) taps.push([at, weight]);
  }
  const sum = taps.reduce((total, [, weight]) => total + weight, 0);
  return taps.map(([at, weight]) => [at, weight / sum]);
}

function nearestTo(center: number, mode: ResizeMethod["nearest"]): number {
  if (mode === "floor") return Math.floor(center);
  if (mode === "ceil") return Math.ceil(center);
  return mode === "round_prefer_ceil" ? Math.floor(center + 0.5) : Math.ceil(center - 0.5);
}

function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

/** Keys' kernel (IEEE ASSP 29, 1981). */
function cubic(given: number, a: number): number {
  const x = Math.abs(given);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function methodOf(attributes: Attributes): ResizeMethod {
  const mode = stringOr(attributes, "mode", "nearest");
  const coordinates = stringOr(attributes, "coordinate_transformation_mode", "half_pixel");
  const nearest = stringOr(attributes, "nearest_mode", "round_prefer_floor");
  const known = <const T extends string>(name: string, seen: string, all: readonly T[]): T => {
    const found = all.find((each) => each === seen);
    if (found === undefined)
      throw new RuleError(`Resize: ${name} is one of ${all.join(", ")}, seen: ${seen}`);
    return found;
  };
  if (attributes.axes !== undefined) throw new RuleError("Resize: sizes of all axes are wanted, not of some");
  return {
    mode: known("mode", mode, ["nearest", "linear", "cubic"]),
    coordinates: known("coordinate_transformation_mode", coordinates, [
      "half_pixel",
      "pytorch_half_pixel",
      "asymmetric",
      "align_corners",
    ]),
    nearest: known("nearest_mode", nearest, ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]),
    cubicA: floatOr(attributes, "cubic_coeff_a", -0.75),
    antialias: intOr(attributes, "antialias", 0) === 1,
    excludeOutside: intOr(attributes, "exclude_outside", 0) === 1,
  };
}

function resizedShape(context: InferContext, shape: readonly Dim[]): Dim[] {
  methodOf(context.attributes);
  const scales = context.constant(2);
  if (scales !== undefined && scales.data.length === shape.length)
    return numbersOf(scales).map((scale, axis) => scaled(shape[axis] as Dim, scale));
  const sizes = context.dims(3);
  if (sizes?.length !== shape.length)
    throw new RuleError(`Resize wants known scales or sizes of all axes of ${formatShape(shape)}`);
  const moving = shape.find((dim, axis) => typeof dim === "string" && dim !== sizes[axis]);
  if (moving !== undefined) throw new RuleError(`Resize needs image sizes in numbers, seen: ${moving}`);
  return [...sizes];
}

function scaled(dim: Dim, scale: number): Dim {
  if (typeof dim === "number") return Math.floor(dim * scale);
  if (!Number.isInteger(scale)) throw new RuleError(`Resize needs image sizes in numbers, seen: ${dim}`);
  return multiplyDims(dim, scale);
}

function scaleOf({ builder, node }: VjpContext, axis: number, from: number, to: number): number {
  const scales = node.inputs[2] ? builder.constantOf(node.inputs[2]) : undefined;
  return scales && scales.data.length > 0 ? (numbersOf(scales)[axis] as number) : to / from;
}

function changedAxes(context: VjpContext): number[] {
  const { node } = context;
  const [x, y] = [input(node, 0), node.outputs[0] as Value];
  return x.shape.flatMap((dim, axis) => {
    if (typeof dim === "string" && dim === y.shape[axis]) return [];
    if (typeof dim === "string") throw new RuleError(`Resize needs image sizes in numbers, seen: ${dim}`);
    return dim === y.shape[axis] && scaleOf(context, axis, dim, dim) === 1 ? [] : [axis];
  });
}

/** y = R x along one axis */
function along(x: RealTensor, axis: number, matrix: Float64Array): RealTensor {
  const [outer, from, inner] = aroundAxis(x.dims, axis);
  const to = matrix.length / from;
  const data = new Float64Array(outer * to * inner);
  for (let o = 0; o < outer; o++)
    for (let row = 0; row < to; row++)
      for (let column = 0; column < from; column++) {
        const weight = matrix[row * from + column] as number;
        if (weight === 0) continue;
        for (let i = 0; i < inner; i++) {
          const into = (o * to + row) * inner + i;
          data[into] = (data[into] as number) + weight * (x.data[(o * from + column) * inner + i] as number);
        }
      }
  return { ...x, dims: x.dims.map((dim, at) => (at === axis ? to : dim)), data };
}
