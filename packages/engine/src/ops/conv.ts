import type { Dim } from "../ir/dim.ts";
import { sizeOf } from "../tensor.ts";
import { formatShape, gradient, input, intOr, intsOf, real, stringOr } from "./access.ts";
import type { Attributes } from "../ir/graph.ts";
import { type OpRule, type RealTensor, RuleError } from "./rule.ts";

/**
 * 2-D convolution: x [N, C, H, W], weight [M, C / group, kH, kW], bias [M]. dx is the transposed convolution of g with
 * the same weight. Weights are frozen in every graph we tune, so they have no rule.
 */
export const Conv: OpRule = {
  infer: (context) => {
    const [x, weight] = [input(context, 0), input(context, 1)];
    const at = geometry(context.attributes, weight.shape);
    const [batch, channels, ...space] = x.shape;
    if (
      x.shape.length !== 4 ||
      weight.shape.length !== 4 ||
      channels !== (weight.shape[1] as number) * at.group
    ) {
      throw new RuleError(
        `Conv wants x [N, C, H, W] and weight [M, C/group, kH, kW], seen: ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
      );
    }
    const sizes = space.map(
      (size, axis) => Math.floor((fixed(size) + at.pad(axis) - at.reach(axis)) / at.stride(axis)) + 1,
    );
    return [{ dtype: x.dtype, shape: [batch as Dim, weight.shape[0] as Dim, ...sizes] }];
  },
  evaluate: (context) => {
    const [x, weight] = [real(context, 0), real(context, 1)];
    const at = geometry(context.attributes, weight.dims);
    const [batch, channels, height, width] = x.dims as [number, number, number, number];
    const [maps, perGroup, kernelH, kernelW] = weight.dims as [number, number, number, number];
    const [outH, outW] = [height, width].map(
      (size, axis) => Math.floor((size + at.pad(axis) - at.reach(axis)) / at.stride(axis)) + 1,
    ) as [number, number];
    const data = new Float64Array(batch * maps * outH * outW);
    forEachTap(
      { batch, maps, perGroup, kernelH, kernelW, outH, outW, height, width, channels },
      at,
      (y, from, tap) => {
        data[y] = (data[y] as number) + (x.data[from] as number) * (weight.data[tap] as number);
      },
    );
    const dims = [batch, maps, outH, outW];
    return [{ dtype: x.dtype, dims, data: biased(data, dims, context.inputs[2]) }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const [x, weight, g] = [input(node, 0), input(node, 1), gradient(context)];
    if (context.needs(1)) throw new RuleError("the weight passes no gradient: backbones are frozen");
    // Rows and columns that the strides never reached: the transposed convolution must give them back as zeros.
    const at = geometry(node.attributes, weight.shape);
    const rest = [2, 3].map((axis) => {
      const size = fixed(x.shape[axis] as Dim) + at.pad(axis - 2) - at.reach(axis - 2);
      return size % at.stride(axis - 2);
    });
    const dx = context.needs(0)
      ? builder.op("ConvTranspose", [g, weight], { ...node.attributes, output_padding: rest })
      : null;
    const dbias = context.needs(2)
      ? builder.op("ReduceSum", [g, builder.ints([0, 2, 3])], { keepdims: 0 })
      : null;
    return [dx, null, dbias];
  },
};

/**
 * The transpose of Conv: x [N, M, H, W], weight [M, C / group, kH, kW], bias [C] -> [N, C, ..]; dx is the convolution of g
 * with the same weight.
 */
export const ConvTranspose: OpRule = {
  infer: (context) => {
    const [x, weight] = [input(context, 0), input(context, 1)];
    const at = geometry(context.attributes, weight.shape);
    const [batch, , ...space] = x.shape;
    const sizes = space.map(
      (size, axis) => (fixed(size) - 1) * at.stride(axis) + at.reach(axis) - at.pad(axis) + at.extra(axis),
    );
    return [{ dtype: x.dtype, shape: [batch as Dim, (weight.shape[1] as number) * at.group, ...sizes] }];
  },
  evaluate: (context) => {
    const [x, weight] = [real(context, 0), real(context, 1)];
    const at = geometry(context.attributes, weight.dims);
    const [batch, maps, outH, outW] = x.dims as [number, number, number, number];
    const [, perGroup, kernelH, kernelW] = weight.dims as [number, number, number, number];
    const channels = perGroup * at.group;
    const [height, width] = [outH, outW].map(
      (size, axis) => (size - 1) * at.stride(axis) + at.reach(axis) - at.pad(axis) + at.extra(axis),
    ) as [number, number];
    const dims = [batch, channels, height, width];
    const data = new Float64Array(sizeOf(dims));
    forEachTap(
      { batch, maps, perGroup, kernelH, kernelW, outH, outW, height, width, channels },
      at,
      (y, from, tap) => {
        data[from] = (data[from] as number) + (x.data[y] as number) * (weight.data[tap] as number);
      },
    );
    return [{ dtype: x.dtype, dims, data: biased(data, dims, context.inputs[2]) }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const [weight, g] = [input(node, 1), gradient(context)];
    if (context.needs(1)) throw new RuleError("the weight passes no gradient: backbones are frozen");
    const { output_padding: _, output_shape: __, ...attributes } = node.attributes;
    return [
      context.needs(0) ? builder.op("Conv", [g, weight], attributes) : null,
      null,
      context.needs(2) ? builder.op("ReduceSum", [g, builder.ints([0, 2, 3])], { keepdims: 0 }) : null,
    ];
  },
};

/** A number a channel, added to data [N, C, H, W]. */
function biased(
  data: Float64Array,
  dims: readonly number[],
  bias: RealTensor | null | undefined,
): Float64Array {
  if (!bias) return data;
  const [, channels, height, width] = dims as [number, number, number, number];
  return data.map((sum, at) => sum + (bias.data[Math.floor(at / (height * width)) % channels] as number));
}

interface Geometry {
  group: number;
  stride(axis: number): number;
  dilation(axis: number): number;
  padBefore(axis: number): number;
  /** Padding on both sides together. */
  pad(axis: number): number;
  /** Extent of the dilated kernel. */
  reach(axis: number): number;
  /** Output padding of the transpose. */
  extra(axis: number): number;
}

function geometry(attributes: Attributes, weight: readonly Dim[]): Geometry {
  const [strides, dilations, pads, extra] = ["strides", "dilations", "pads", "output_padding"].map((name) =>
    intsOf(attributes, name),
  );
  const dilation = (axis: number) => dilations?.[axis] ?? 1;
  const auto = stringOr(attributes, "auto_pad", "NOTSET");
  if (attributes.output_shape !== undefined)
    throw new RuleError("ConvTranspose needs its pads in numbers, seen: output_shape");
  if (auto !== "NOTSET")
    throw new RuleError(`convolutions need their pads in numbers, seen: auto_pad=${auto}`);
  return {
    group: intOr(attributes, "group", 1),
    stride: (axis) => strides?.[axis] ?? 1,
    dilation,
    padBefore: (axis) => pads?.[axis] ?? 0,
    pad: (axis) => (pads?.[axis] ?? 0) + (pads?.[axis + 2] ?? 0),
    reach: (axis) => dilation(axis) * (fixed(weight[axis + 2] as Dim) - 1) + 1,
    extra: (axis) => extra?.[axis] ?? 0,
  };
}

interface Sizes {
  batch: number;
  maps: number;
  perGroup: number;
  kernelH: number;
  kernelW: number;
  outH: number;
  outW: number;
  height: number;
  width: number;
  channels: number;
}

/** Visits every (output element, input element, weight element) that a convolution multiplies. */
function forEachTap(
  s: Sizes,
  at: Geometry,
  visit: (output: number, input: number, weight: number) => void,
): void {
  const mapsPerGroup = s.maps / at.group;
  for (let n = 0; n < s.batch; n++)
    for (let m = 0; m < s.maps; m++)
      for (let c = 0; c < s.perGroup; c++)
        for (let y = 0; y < s.outH; y++)
          for (let x = 0; x < s.outW; x++)
            for (let i = 0; i < s.kernelH; i++)
              for (let j = 0; j < s.kernelW; j++) {
                const row = y * at.stride(0) + i * at.dilation(0) - at.padBefore(0);
                const column = x * at.stride(1) + j * at.dilation(1) - at.padBefore(1);
                if (row < 0 || column < 0 || row >= s.height || column >= s.width) continue;
                const channel = Math.floor(m / mapsPerGroup) * s.perGroup + c;
                visit(
                  ((n * s.maps + m) * s.outH + y) * s.outW + x,
                  ((n * s.channels + channel) * s.height + row) * s.width + column,
                  ((m * s.perGroup + c) * s.kernelH + i) * s.kernelW + j,
                );
              }
}

function fixed(dim: Dim): number {
  if (typeof dim !== "number") throw new RuleError(`convolutions need image sizes in numbers, seen: ${dim}`);
  return dim;
}
