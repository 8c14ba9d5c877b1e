import { erf, type Node, type Value } from "@kilotune/engine";
import type { Activation } from "../vision/config.ts";
import type { GraphIndex } from "./graph-index.ts";
import { addedTo, Unlike, type Weights } from "./match-attention.ts";
import { type Linear, matchLinear, matchNorm, type Norm } from "./match-parts.ts";

/** The two products behind an attention, with what stands between. */
export interface Mlp {
  readonly norm: Norm;
  /** [I, H], or [2 I, H] where it is gated */
  readonly into: Weights;
  readonly out: Weights;
  readonly size: number;
  readonly activation: Activation;
  readonly kind: "plain" | "gated";
  readonly sum: Value;
}

/** @throws Unlike */
export async function matchMlp(index: GraphIndex, tokens: Value): Promise<Mlp> {
  const norm = normsOf(index, tokens)[0];
  if (norm === undefined) throw new Unlike("a layer norm behind the attention's addition");
  const into = index
    .readersOfSame(norm.output)
    .map((node) => withBias(index, node))
    .filter((linear) => linear !== undefined);
  const [wide, second] = into;
  if (into.length > 2 || wide === undefined)
    throw new Unlike(
      `one product of the normed tokens, or two, a gate and what it gates (${into.length} found)`,
    );
  const narrow = productBelow(index, wide.output);
  if (narrow === undefined) throw new Unlike("an activation of one value, then a product");
  const { sum, rest, weights } = addedTo(index, { weights: narrow, value: narrow.output });
  if (!index.isSame(rest, tokens)) throw new Unlike("the MLP's result to be added to what was normed");
  const found = { norm, out: weights, size: narrow.into, sum };
  if (second !== undefined)
    return {
      ...found,
      into: await gatePairOf(index, wide, second, narrow),
      activation: "silu",
      kind: "gated",
    };
  if (narrow.into * 2 === wide.out)
    return { ...found, into: await gateOf(index, wide, narrow), activation: "silu", kind: "gated" };
  return { ...found, into: wide, activation: await activationOf(index, wide, narrow), kind: "plain" };
}

/** All layer norms of a value, found below it. */
export function normsOf(index: GraphIndex, value: Value): Norm[] {
  const found: Norm[] = [];
  // A norm that is spelt out ends nine nodes below.
  const visit = (at: Value, depth: number) => {
    for (const node of index.readersOfSame(at)) {
      const [output] = node.outputs as [Value];
      const norm = matchNorm(index, output);
      if (norm !== undefined && index.isSame(norm.input, value)) {
        if (!found.some((each) => each.output.name === norm.output.name)) found.push(norm);
      } else if (depth > 0 && NORM_OPS.has(node.op)) visit(output, depth - 1);
    }
  };
  visit(value, 9);
  return found;
}

const NORM_OPS: ReadonlySet<string> = new Set(["ReduceMean", "Sub", "Pow", "Mul", "Add", "Sqrt", "Div"]);

function withBias(index: GraphIndex, node: Node): Linear | undefined {
  const [output] = node.outputs as [Value];
  if (matchLinear(index, output) === undefined) return undefined;
  const readers = index.readersOfSame(output);
  const biased =
    readers.length === 1 && readers[0]?.op === "Add"
      ? matchLinear(index, readers[0].outputs[0] as Value)
      : undefined;
  return biased ?? matchLinear(index, output);
}

/** The next product with a matrix that depends on a value, through elementwise nodes. */
function productBelow(index: GraphIndex, value: Value): Linear | undefined {
  const visit = (at: Value, depth: number): Linear | undefined => {
    for (const node of index.readers(at)) {
      const product = node.op === "MatMul" || node.op === "Gemm" ? withBias(index, node) : undefined;
      if (product !== undefined) return product;
      if (depth === 0) continue;
      for (const output of node.outputs) {
        const found = visit(output, depth - 1);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  };
  return visit(value, 12);
}

/** Which function it is, by its values. */
async function activationOf(index: GraphIndex, wide: Linear, narrow: Linear): Promise<Activation> {
  const size = sizeOf(wide.output);
  const given = Float64Array.from({ length: size }, (_, at) => (((at * 61) % 161) - 80) / 10);
  const seen = await index.through([[wide.output, given]], narrow.input);
  const found = (Object.keys(FUNCTIONS) as Activation[]).find(
    (name) =>
      seen?.length === size &&
      given.every((x, at) => Math.abs(FUNCTIONS[name](x) - (seen[at] as number)) < 2e-6),
  );
  if (found === undefined)
    throw new Unlike(`an activation that is one of ${Object.keys(FUNCTIONS).join(", ")}`);
  return found;
}

/** Halves of one product, the first through SiLU as the second's gate. */
async function gateOf(index: GraphIndex, wide: Linear, narrow: Linear): Promise<Weights> {
  const given = wave(sizeOf(wide.output));
  const seen = await index.through([[wide.output, given]], narrow.input);
  const at = (row: number, column: number) => given[row * wide.out + column] as number;
  const isGate = seen?.every((y, each) => {
    const [row, column] = [Math.floor(each / narrow.into), each % narrow.into];
    return Math.abs(FUNCTIONS.silu(at(row, column)) * at(row, column + narrow.into) - y) < 1e-5;
  });
  if (!isGate) throw new Unlike("a gate by SiLU of the first half");
  return wide;
}

/** Two products, either of them through SiLU as the other's gate: the gate first, in one matrix. */
async function gatePairOf(index: GraphIndex, a: Linear, b: Linear, narrow: Linear): Promise<Weights> {
  const [ofA, ofB] = [wave(sizeOf(a.output)), wave(sizeOf(b.output)).map((x) => 1 - x)];
  const seen = await index.through(
    [
      [a.output, ofA],
      [b.output, ofB],
    ],
    narrow.input,
  );
  const isGatedBy = (gate: Float64Array, value: Float64Array) =>
    seen?.length === gate.length &&
    seen.every((y, at) => Math.abs(FUNCTIONS.silu(gate[at] as number) * (value[at] as number) - y) < 1e-5);
  const [gate, value] = isGatedBy(ofA, ofB) ? [a, b] : [b, a];
  if (gate === b && !isGatedBy(ofB, ofA)) throw new Unlike("a gate by SiLU of one product");
  const joined = (left: Float32Array, right: Float32Array) => Float32Array.from([...left, ...right]);
  return { weight: joined(gate.weight, value.weight), bias: joined(gate.bias, value.bias) };
}

/** Numbers of which no two nearby are alike. */
function wave(length: number): Float64Array {
  return Float64Array.from({ length }, (_, at) => Math.sin(at * at) * 4);
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const FUNCTIONS: Readonly<Record<Activation, (x: number) => number>> = {
  gelu: (x) => x * 0.5 * (1 + erf(x / Math.SQRT2)),
  "gelu-tanh": (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  "gelu-sigmoid": (x) => x * sigmoid(1.702 * x),
  relu: (x) => Math.max(x, 0),
  silu: (x) => x * sigmoid(x),
};

function sizeOf({ shape }: Value): number {
  return (shape as number[]).reduce((a, b) => a * b, 1);
}
