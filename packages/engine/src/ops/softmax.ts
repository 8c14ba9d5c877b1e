import { aroundAxis, axisOf, gradient, input, intOr, output, real } from "./access.ts";
import type { EvaluateContext, InferContext, OpRule, RealTensor, TypeAndShape } from "./rule.ts";

/** y = e^x / sum e^x along `axis`; g -> y * (g - sum(g * y)) */
export const Softmax: OpRule = {
  infer,
  evaluate: (context) => [alongAxis(context, (x, max, sum) => Math.exp(x - max) / sum)],
  vjp: (context) => {
    const { builder: b } = context;
    const [g, y] = [gradient(context), output(context)];
    const axes = b.ints([axisOf(intOr(context.node.attributes, "axis", -1), y.shape.length)]);
    const gy = b.op("Mul", [g, y]);
    return [b.op("Sub", [gy, b.op("Mul", [y, b.op("ReduceSum", [gy, axes])])])];
  },
};

/** y = x - ln sum e^x along `axis`; g -> g - e^y * sum g */
export const LogSoftmax: OpRule = {
  infer,
  evaluate: (context) => [alongAxis(context, (x, max, sum) => x - max - Math.log(sum))],
  vjp: (context) => {
    const { builder: b } = context;
    const [g, y] = [gradient(context), output(context)];
    const axes = b.ints([axisOf(intOr(context.node.attributes, "axis", -1), y.shape.length)]);
    return [b.op("Sub", [g, b.op("Mul", [b.op("Exp", [y]), b.op("ReduceSum", [g, axes])])])];
  },
};

function infer(context: InferContext): TypeAndShape[] {
  const x = input(context, 0);
  axisOf(intOr(context.attributes, "axis", -1), x.shape.length);
  return [x];
}

function alongAxis(context: EvaluateContext, f: (x: number, max: number, sum: number) => number): RealTensor {
  const x = real(context, 0);
  const axis = axisOf(intOr(context.attributes, "axis", -1), x.dims.length);
  const [outer, length, inner] = aroundAxis(x.dims, axis);
  const data = new Float64Array(x.data.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = (m: number) => (o * length + m) * inner + i;
      let max = Number.NEGATIVE_INFINITY;
      for (let m = 0; m < length; m++) max = Math.max(max, x.data[at(m)] as number);
      let sum = 0;
      for (let m = 0; m < length; m++) sum += Math.exp((x.data[at(m)] as number) - max);
      for (let m = 0; m < length; m++) data[at(m)] = f(x.data[at(m)] as number, max, sum);
    }
  }
  return { ...x, data };
}
