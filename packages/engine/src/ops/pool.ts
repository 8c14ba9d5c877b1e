import type { Dim } from "../ir/dim.ts";
import type { Attributes, Value } from "../ir/graph.ts";
import { sizeOf } from "../tensor.ts";
import { formatShape, gradient, input, intOr, intsOf, real, stringOr } from "./access.ts";
import { type InferContext, type OpRule, RuleError, type TypeAndShape } from "./rule.ts";

/**
 * y = the largest of each window of x [N, C, H, W]; the optional second output says where in x, counted through all of it,
 * each stands. g -> g added at those places.
 */
export const MaxPool: OpRule = {
  infer: (context) => {
    if (intOr(context.attributes, "storage_order", 0) !== 0)
      throw new RuleError("MaxPool: storage_order=0 is known");
    const [y] = infer(context) as [TypeAndShape];
    return [y, { dtype: "int64" as const, shape: y.shape }].slice(0, context.outputCount);
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const dims = outputDims(context.attributes, x.dims) as number[];
    const data = new Float64Array(sizeOf(dims)).fill(Number.NEGATIVE_INFINITY);
    const places = new Float64Array(data.length);
    forEachTap(context.attributes, x.dims, dims, (y, from) => {
      if (!((x.data[from] as number) > (data[y] as number))) return;
      data[y] = x.data[from] as number;
      places[y] = from;
    });
    return [
      { dtype: x.dtype, dims, data },
      { dtype: "int64" as const, dims, data: places },
    ].slice(0, context.outputCount);
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    const x = input(node, 0);
    const [, places] = b.extendOutputs(node, 2) as [Value, Value];
    const flat = (value: Value) => b.op("Reshape", [value, b.ints([-1])]);
    const zeros = b.op("ConstantOfShape", [b.op("Shape", [flat(x)])]);
    const summed = b.op("ScatterElements", [zeros, flat(places), flat(gradient(context))], {
      axis: 0,
      reduction: "add",
    });
    return [b.op("Reshape", [summed, b.shapeOf(x)], { allowzero: 1 })];
  },
};

/** y = the mean of each window of x [N, C, H, W], with or without the zeros around; g -> g / n spread over its window */
export const AveragePool: OpRule = {
  infer,
  evaluate: (context) => {
    const x = real(context, 0);
    const dims = outputDims(context.attributes, x.dims) as number[];
    const data = new Float64Array(sizeOf(dims));
    forEachTap(context.attributes, x.dims, dims, (y, from) => {
      data[y] = (data[y] as number) + (x.data[from] as number);
    });
    const counts = windowCounts(context.attributes, x.dims, dims);
    return [
      { dtype: x.dtype, dims, data: data.map((sum, y) => sum / (counts[y % counts.length] as number)) },
    ];
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    const x = input(node, 0);
    const channels = x.shape[1];
    const [, , ...space] = x.shape;
    const out = (node.outputs[0] as Value).shape.slice(2) as number[];
    if (typeof channels !== "number")
      throw new RuleError(`AveragePool needs channels in numbers, seen: ${channels}`);
    const counts = windowCounts(node.attributes, [1, 1, ...(space as number[])], [1, 1, ...out]);
    const g = b.op("Div", [
      gradient(context),
      b.constant({ type: "float32", dims: [1, 1, ...out], data: Float32Array.from(counts) }),
    ]);
    const { kernel, strides, pads, dilations } = windowOf(node.attributes);
    const dims = [channels, 1, ...kernel];
    const ones = b.constant({ type: "float32", dims, data: new Float32Array(sizeOf(dims)).fill(1) });
    const rest = [0, 1].map((axis) => {
      const reach = (dilations[axis] as number) * ((kernel[axis] as number) - 1) + 1;
      const size = (space[axis] as number) + (pads[axis] as number) + (pads[axis + 2] as number) - reach;
      return size % (strides[axis] as number);
    });
    return [
      b.op("ConvTranspose", [g, ones], { group: channels, strides, pads, dilations, output_padding: rest }),
    ];
  },
};

function infer(context: InferContext): TypeAndShape[] {
  const x = input(context, 0);
  if (x.shape.length !== 4)
    throw new RuleError(`pooling wants x [N, C, H, W], seen: ${formatShape(x.shape)}`);
  return [{ dtype: x.dtype, shape: outputDims(context.attributes, x.shape) }];
}

function windowOf(attributes: Attributes) {
  const kernel = intsOf(attributes, "kernel_shape");
  const pair = (name: string) => (intsOf(attributes, name) ?? [1, 1]) as [number, number];
  if (kernel?.length !== 2) throw new RuleError("pooling wants a kernel_shape of two numbers");
  if (intOr(attributes, "ceil_mode", 0) !== 0) throw new RuleError("pooling: ceil_mode=0 is known");
  const auto = stringOr(attributes, "auto_pad", "NOTSET");
  if (auto !== "NOTSET") throw new RuleError(`pooling needs its pads in numbers, seen: auto_pad=${auto}`);
  return {
    kernel: kernel as [number, number],
    strides: pair("strides"),
    pads: (intsOf(attributes, "pads") ?? [0, 0, 0, 0]) as [number, number, number, number],
    dilations: pair("dilations"),
  };
}

function outputDims(attributes: Attributes, shape: readonly Dim[]): Dim[] {
  const { kernel, strides, pads, dilations } = windowOf(attributes);
  const space = shape.slice(2).map((size, axis) => {
    if (typeof size !== "number") throw new RuleError(`pooling needs image sizes in numbers, seen: ${size}`);
    const reach = (dilations[axis] as number) * ((kernel[axis] as number) - 1) + 1;
    const padded = size + (pads[axis] as number) + (pads[axis + 2] as number);
    return Math.floor((padded - reach) / (strides[axis] as number)) + 1;
  });
  return [...shape.slice(0, 2), ...space];
}

/** Elements of each window that lie within x; with `count_include_pad` within x and the zeros around it. [1, 1, H, W] */
function windowCounts(attributes: Attributes, from: readonly number[], to: readonly number[]): Float64Array {
  const [height, width] = to.slice(2) as [number, number];
  const counts = new Float64Array(height * width);
  const { kernel } = windowOf(attributes);
  if (intOr(attributes, "count_include_pad", 0) === 1) return counts.fill(sizeOf(kernel));
  forEachTap(attributes, [1, 1, ...from.slice(2)], [1, 1, height, width], (y) => {
    counts[y] = (counts[y] as number) + 1;
  });
  return counts;
}

/** Visits every (output element, input element) of all windows. */
function forEachTap(
  attributes: Attributes,
  from: readonly number[],
  to: readonly number[],
  visit: (output: number, input: number) => void,
): void {
  const { kernel, strides, pads, dilations } = windowOf(attributes);
  const [, , height, width] = from as [number, number, number, number];
  const [batch, channels, outH, outW] = to as [number, number, number, number];
  for (let plane = 0; plane < batch * channels; plane++)
    for (let y = 0; y < outH; y++)
      for (let x = 0; x < outW; x++)
        for (let i = 0; i < kernel[0]; i++)
          for (let j = 0; j < kernel[1]; j++) {
            const row = y * strides[0] + i * dilations[0] - pads[0];
            const column = x * strides[1] + j * dilations[1] - pads[1];
            if (row < 0 || column < 0 || row >= height || column >= width) continue;
            visit((plane * outH + y) * outW + x, (plane * height + row) * width + column);
          }
}
