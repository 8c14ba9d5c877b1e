import type { Value } from "../ir/graph.ts";
import { gradient, input, intOr, real } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/** y = the upper (or lower) triangle of the last two axes, from the k-th diagonal on, zeros elsewhere; g -> its triangle */
export const Trilu: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    if (x.shape.length < 2) throw new RuleError(`Trilu wants a matrix at least, seen rank ${x.shape.length}`);
    return [x];
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const diagonal = context.inputs[1]?.data[0] ?? 0;
    const upper = intOr(context.attributes, "upper", 1) === 1;
    const [rows, columns] = x.dims.slice(-2) as [number, number];
    const data = x.data.map((each, at) => {
      const [row, column] = [Math.floor(at / columns) % rows, at % columns];
      const kept = upper ? column - row >= diagonal : column - row <= diagonal;
      return kept ? each : 0;
    });
    return [{ ...x, data }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const rest: (Value | null)[] = node.inputs.slice(1);
    return [builder.op("Trilu", [gradient(context), ...rest], node.attributes)];
  },
};
