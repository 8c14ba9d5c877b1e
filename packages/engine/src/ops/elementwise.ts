import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { gradient, input, output, real, stringOr } from "./access.ts";
import { erf } from "./erf.ts";
import { type OpRule, RuleError } from "./rule.ts";

/** Ops of one input, element by element: y = f(x), and the gradient is g * f'(x). */

/** y = -x; g -> -g */
export const Neg = unary(
  (x) => -x,
  ({ b, g }) => b.op("Neg", [g]),
);

/** y = e^x; g -> g * y */
export const Exp = unary(Math.exp, ({ b, g, y }) => b.op("Mul", [g, y]));

/** y = ln x; g -> g / x */
export const Log = unary(Math.log, ({ b, g, x }) => b.op("Div", [g, x]));

/** y = sqrt x; g -> g / (2 y) */
export const Sqrt = unary(Math.sqrt, ({ b, g, y }) => b.op("Div", [b.op("Mul", [g, b.scalar(0.5)]), y]));

/** y = 1 / x; g -> -g * y^2 */
export const Reciprocal = unary(
  (x) => 1 / x,
  ({ b, g, y }) => b.op("Neg", [b.op("Mul", [g, b.op("Mul", [y, y])])]),
);

/** y = |x|; g -> g * sign x */
export const Abs = unary(Math.abs, ({ b, g, x }) => b.op("Mul", [g, b.op("Sign", [x])]));

/** y = erf x; g -> g * 2 / sqrt(pi) * e^(-x^2), the factor within the exponent: a pass less over a transformer's largest tensor. */
export const Erf = unary(erf, ({ b, g, x }) => {
  const exponent = b.op("Sub", [b.scalar(Math.log(2 / Math.sqrt(Math.PI))), b.op("Mul", [x, x])]);
  return b.op("Mul", [g, b.op("Exp", [exponent])]);
});

/** y = tanh x; g -> g * (1 - y^2) */
export const Tanh = unary(Math.tanh, ({ b, g, y }) =>
  b.op("Mul", [g, b.op("Sub", [b.scalar(1), b.op("Mul", [y, y])])]),
);

/** y = 1 / (1 + e^-x); g -> g * y * (1 - y) */
export const Sigmoid = unary(
  (x) => 1 / (1 + Math.exp(-x)),
  ({ b, g, y }) => b.op("Mul", [g, b.op("Mul", [y, b.op("Sub", [b.scalar(1), y])])]),
);

/** y = max(x, 0); g -> g where x > 0 */
export const Relu = unary(
  (x) => Math.max(x, 0),
  ({ b, g, x }) => b.op("Where", [b.op("Greater", [x, b.scalar(0)]), g, b.scalar(0)]),
);

/** y = ln(1 + e^x); g -> g * sigmoid x */
export const Softplus = unary(
  (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  ({ b, g, x }) => b.op("Mul", [g, b.op("Sigmoid", [x])]),
);

/** y = sin x; g -> g * cos x */
export const Sin = unary(Math.sin, ({ b, g, x }) => b.op("Mul", [g, b.op("Cos", [x])]));

/** y = cos x; g -> -g * sin x */
export const Cos = unary(Math.cos, ({ b, g, x }) => b.op("Neg", [b.op("Mul", [g, b.op("Sin", [x])])]));

/** y = x; g -> g */
export const Identity = unary(
  (x) => x,
  ({ g }) => g,
);

/** y = sign x: flat everywhere but at 0 */
export const Sign = unary(Math.sign, "none");

/** y = floor x: flat between the steps */
export const Floor = unary(Math.floor, "none");

/** y = round half to even: flat between the steps */
export const Round = unary((x) => {
  const nearest = Math.round(x);
  return nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}, "none");

/** y = not x */
export const Not = unary((x) => (x === 0 ? 1 : 0), "none");

/** y = whether x isn't a number */
export const IsNaN: OpRule = {
  infer: (context) => [{ dtype: "bool", shape: input(context, 0).shape }],
  evaluate: (context) => {
    const x = real(context, 0);
    return [{ dtype: "bool", dims: x.dims, data: x.data.map((each) => (Number.isNaN(each) ? 1 : 0)) }];
  },
  vjp: "none",
};

/**
 * y = x * Phi(x), Phi = (1 + erf(x / sqrt 2)) / 2, the exact form (Hendrycks & Gimpel, arXiv:1606.08415).
 * g -> g * (Phi(x) + x * phi(x)), phi(x) = e^(-x^2 / 2) / sqrt(2 pi).
 * With z = x / sqrt 2 the bracket is (1 + erf z + 2 / sqrt(pi) * z * e^(-z^2)) / 2: as few passes over the widest
 * tensor of a transformer as the op set allows.
 */
export const Gelu: OpRule = {
  ...unary(
    (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    ({ b, g, x }) => {
      const z = b.op("Mul", [x, b.scalar(Math.SQRT1_2)]);
      const bell = b.op("Exp", [b.op("Mul", [z, b.op("Neg", [z])])]);
      const slope = b.op("Mul", [b.op("Mul", [z, b.scalar(2 / Math.sqrt(Math.PI))]), bell]);
      const doubled = b.op("Add", [b.op("Add", [b.op("Erf", [z]), slope]), b.scalar(1)]);
      return b.op("Mul", [b.op("Mul", [g, b.scalar(0.5)]), doubled]);
    },
  ),
  infer: (context) => {
    if (stringOr(context.attributes, "approximate", "none") !== "none") {
      throw new RuleError(
        `Gelu: approximate "none" is known, seen: "${stringOr(context.attributes, "approximate", "")}"`,
      );
    }
    return [input(context, 0)];
  },
};

type Calculus = (at: { b: GraphBuilder; g: Value; x: Value; y: Value }) => Value;

function unary(f: (x: number) => number, calculus: Calculus | "none"): OpRule {
  return {
    infer: (context) => [input(context, 0)],
    evaluate: (context) => {
      const x = real(context, 0);
      return [{ ...x, data: x.data.map(f) }];
    },
    vjp:
      calculus === "none"
        ? "none"
        : (context) => [
            calculus({
              b: context.builder,
              g: gradient(context),
              x: input(context.node, 0),
              y: output(context),
            }),
          ],
  };
}
