import { floatOr, formatShape, gradient, input, intOr, real } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/**
 * y = (x - mean) / sqrt(variance + epsilon) * scale + bias, one number of each a channel (axis 1), as it is once training
 * is over. g -> g * scale / sqrt(variance + epsilon). The four are frozen, so they have no rule.
 */
export const BatchNormalization: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    if (intOr(context.attributes, "training_mode", 0) !== 0)
      throw new RuleError("BatchNormalization: training_mode=0 is known");
    for (const index of [1, 2, 3, 4]) {
      const { shape } = input(context, index);
      if (shape.length !== 1 || shape[0] !== x.shape[1])
        throw new RuleError(
          `BatchNormalization wants [${x.shape[1]}] a channel, seen: ${formatShape(shape)}`,
        );
    }
    return [x];
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((index) => real(context, index).data) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const epsilon = floatOr(context.attributes, "epsilon", 1e-5);
    const [, channels = 1, ...space] = x.dims;
    const inner = space.reduce((product, dim) => product * dim, 1);
    const data = x.data.map((value, at) => {
      const c = Math.floor(at / inner) % channels;
      const deviation = Math.sqrt((variance[c] as number) + epsilon);
      return ((value - (mean[c] as number)) / deviation) * (scale[c] as number) + (bias[c] as number);
    });
    return [{ ...x, data }];
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    if ([1, 2, 3, 4].some((index) => context.needs(index)))
      throw new RuleError("scale, bias, mean and variance pass no gradient: backbones are frozen");
    const epsilon = b.scalar(floatOr(node.attributes, "epsilon", 1e-5));
    const deviation = b.op("Sqrt", [b.op("Add", [input(node, 4), epsilon])]);
    const slope = b.op("Div", [input(node, 1), deviation]);
    const axes = input(node, 0)
      .shape.slice(2)
      .map((_, axis) => axis + 1);
    return [
      b.op("Mul", [gradient(context), b.op("Unsqueeze", [slope, b.ints(axes)])]),
      null,
      null,
      null,
      null,
    ];
  },
};
