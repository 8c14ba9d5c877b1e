import { sizeOf } from "../tensor.ts";
import { axisOf, floatOr, formatShape, gradient, input, intOr, real, sameShape } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/**
 * y = (x - mean) * r * scale + bias over the axes from `axis` on, r = 1 / sqrt(variance + epsilon)
 * (Ba et al., arXiv:1607.06450). Optional outputs: mean and r.
 * With n = (x - mean) * r and h = g * scale:  dx = r * (h - mean h - n * mean(h * n)),  dscale = g * n,  dbias = g.
 */
export const LayerNormalization: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const axis = axisOf(intOr(context.attributes, "axis", -1), x.shape.length);
    for (const index of [1, 2]) {
      const given = context.inputs[index];
      if (given && !sameShape(given.shape, x.shape.slice(axis)))
        throw new RuleError(
          `LayerNormalization wants scale and bias ${formatShape(x.shape.slice(axis))}, seen: ${formatShape(given.shape)}`,
        );
    }
    const statistics = { dtype: x.dtype, shape: x.shape.map((dim, at) => (at < axis ? dim : 1)) };
    return [x, statistics, statistics].slice(0, context.outputCount);
  },
  evaluate: (context) => {
    const [x, scale] = [real(context, 0), real(context, 1)];
    const bias = context.inputs[2];
    const axis = axisOf(intOr(context.attributes, "axis", -1), x.dims.length);
    const epsilon = floatOr(context.attributes, "epsilon", 1e-5);
    const size = sizeOf(x.dims.slice(axis));
    const rows = x.data.length / size;
    const data = new Float64Array(x.data.length);
    const means = new Float64Array(rows);
    const inverses = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const part = x.data.subarray(row * size, (row + 1) * size);
      const mean = part.reduce((sum, each) => sum + each, 0) / size;
      const variance = part.reduce((sum, each) => sum + (each - mean) ** 2, 0) / size;
      const inverse = 1 / Math.sqrt(variance + epsilon);
      means[row] = mean;
      inverses[row] = inverse;
      part.forEach((each, at) => {
        data[row * size + at] = (each - mean) * inverse * (scale.data[at] as number) + (bias?.data[at] ?? 0);
      });
    }
    const dims = x.dims.map((dim, at) => (at < axis ? dim : 1));
    return [
      { ...x, data },
      { dtype: x.dtype, dims, data: means },
      { dtype: x.dtype, dims, data: inverses },
    ].slice(0, context.outputCount);
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    if (context.outputGradients[1] || context.outputGradients[2])
      throw new RuleError("only the first output passes a gradient");
    const [x, scale, g] = [input(node, 0), input(node, 1), gradient(context)];
    const axis = axisOf(intOr(node.attributes, "axis", -1), x.shape.length);
    const axes = b.ints(Array.from({ length: x.shape.length - axis }, (_, at) => axis + at));
    const [, mean, inverse] = b.extendOutputs(node, 3);
    if (mean === undefined || inverse === undefined) throw new Error("LayerNormalization without statistics");
    const normal = b.op("Mul", [b.op("Sub", [x, mean]), inverse]);
    let dx = null;
    if (context.needs(0)) {
      const h = b.op("Mul", [g, scale]);
      const meanH = b.op("ReduceMean", [h, axes]);
      const meanHN = b.op("ReduceMean", [b.op("Mul", [h, normal]), axes]);
      const inner = b.op("Sub", [b.op("Sub", [h, meanH]), b.op("Mul", [normal, meanHN])]);
      dx = b.op("Mul", [inner, inverse]);
    }
    return [dx, context.needs(1) ? b.op("Mul", [g, normal]) : null, context.needs(2) ? g : null];
  },
};
