import { axisOf, aroundAxis, constantInts, input, intOr, real } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/** y, places = the k largest (or smallest) along `axis`, in order; equals in the order of their places. What a detector ends with. */
export const TopK: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    const axis = axisOf(intOr(context.attributes, "axis", -1), x.shape.length);
    const k = constantInts(context, 1)?.[0];
    if (k === undefined || (typeof x.shape[axis] === "number" && k > x.shape[axis]))
      throw new RuleError(`TopK: k is at most ${x.shape[axis]}, seen: ${k}`);
    const shape = x.shape.map((dim, at) => (at === axis ? k : dim));
    return [
      { dtype: x.dtype, shape },
      { dtype: "int64" as const, shape },
    ].slice(0, context.outputCount);
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const axis = axisOf(intOr(context.attributes, "axis", -1), x.dims.length);
    const sign = intOr(context.attributes, "largest", 1) === 1 ? -1 : 1;
    const k = real(context, 1).data[0] as number;
    const [outer, length, inner] = aroundAxis(x.dims, axis);
    const dims = x.dims.map((dim, at) => (at === axis ? k : dim));
    const data = new Float64Array(outer * k * inner);
    const places = new Float64Array(data.length);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        const at = (m: number) => x.data[(o * length + m) * inner + i] as number;
        const order = Array.from({ length }, (_, m) => m).sort((a, b) => sign * (at(a) - at(b)) || a - b);
        for (let m = 0; m < k; m++) {
          data[(o * k + m) * inner + i] = at(order[m] as number);
          places[(o * k + m) * inner + i] = order[m] as number;
        }
      }
    return [
      { dtype: x.dtype, dims, data },
      { dtype: "int64" as const, dims, data: places },
    ].slice(0, context.outputCount);
  },
  vjp: "unsupported",
};
