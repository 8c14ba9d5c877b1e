import { aroundAxis, axisOf, constantInts, gradient, input, intOr, real } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/** y_i = x_0 + .. + x_i along an axis, without x_i if `exclusive`, from the end if `reverse`; g -> summed the other way */
export const CumSum: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const axis = constantInts(context, 1)?.[0];
    if (axis === undefined) throw new RuleError("CumSum: the axis is required");
    axisOf(axis, x.shape.length);
    return [x];
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const axis = axisOf(real(context, 1).data[0] as number, x.dims.length);
    const [exclusive, reverse] = ["exclusive", "reverse"].map((name) => intOr(context.attributes, name, 0));
    const [outer, length, inner] = aroundAxis(x.dims, axis);
    const data = new Float64Array(x.data.length);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let step = 0; step < length; step++) {
          const at = (o * length + (reverse ? length - 1 - step : step)) * inner + i;
          const before = sum;
          sum += x.data[at] as number;
          data[at] = exclusive ? before : sum;
        }
      }
    }
    return [{ ...x, data }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const [exclusive, reverse] = ["exclusive", "reverse"].map((name) => intOr(node.attributes, name, 0));
    const attributes = { exclusive: exclusive as number, reverse: 1 - (reverse as number) };
    return [builder.op("CumSum", [gradient(context), input(node, 1)], attributes), null];
  },
};
