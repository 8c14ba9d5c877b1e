import type { Value } from "../ir/graph.ts";
import { gradient, input, real } from "./access.ts";
import { type OpRule, RuleError } from "./rule.ts";

/** y = x held between two scalars, either of which may be left out; g -> g where x lies between them */
export const Clip: OpRule = {
  infer: (context) => {
    const x = input(context, 0);
    for (const bound of context.inputs.slice(1)) {
      if (bound && (bound.shape.length > 0 || bound.dtype !== x.dtype))
        throw new RuleError(`Clip wants scalar bounds of type ${x.dtype}`);
    }
    return [x];
  },
  evaluate: (context) => {
    const x = real(context, 0);
    const low = context.inputs[1]?.data[0] ?? Number.NEGATIVE_INFINITY;
    const high = context.inputs[2]?.data[0] ?? Number.POSITIVE_INFINITY;
    return [{ ...x, data: x.data.map((each) => Math.min(Math.max(each, low), high)) }];
  },
  vjp: (context) => {
    const { builder: b, node } = context;
    if (context.needs(1) || context.needs(2)) throw new RuleError("the bounds pass no gradient");
    const x = input(node, 0);
    const [low, high] = [node.inputs[1], node.inputs[2]];
    const inside: Value[] = [];
    if (low) inside.push(b.op("GreaterOrEqual", [x, low]));
    if (high) inside.push(b.op("LessOrEqual", [x, high]));
    return [inside.reduce((g, test) => b.op("Where", [test, g, b.scalar(0)]), gradient(context))];
  },
};
