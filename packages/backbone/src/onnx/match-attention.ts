import type { Node, Value } from "@kilotune/engine";
import { floats, type GraphIndex } from "./graph-index.ts";
import { type Linear, matchLinear, matchNorm, type Norm } from "./match-parts.ts";

/** One self-attention with what is around it, its heads in order: row n * D + d of a matrix is head n's d-th. */
export interface Attention {
  readonly norm: Norm;
  readonly heads: number;
  readonly headDim: number;
  /** [H, H] and [H] each; scores are over sqrt D. */
  readonly query: Weights;
  readonly key: Weights;
  readonly value: Weights;
  /** Layer scale within. */
  readonly output: Weights;
  /** Tokens above it, the addition done. */
  readonly sum: Value;
}

export interface Weights {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** What was looked for at a place and not found: said to the person who brought the file. */
export class Unlike extends Error {
  override readonly name = "Unlike";
}

/** @throws Unlike, saying what about this softmax isn't an attention that takes a prefix */
export async function matchAttention(index: GraphIndex, softmax: Node): Promise<Attention> {
  const { product, scale } = await scoresAbove(index, softmax.inputs[0] as Value);
  const [q, k] = product.inputs as [Value, Value];
  const context = contextBelow(index, softmax.outputs[0] as Value);
  const [S, D] = q.shape.slice(-2) as [number, number];
  const heads = q.shape.slice(0, -2).reduce<number>((a, b) => a * (b as number), 1);
  const query = await headsOf(index, q, { heads, S, D, turned: false });
  const key = await headsOf(index, k, { heads, S, D, turned: true });
  const value = await headsOf(index, context.inputs[1] as Value, { heads, S, D, turned: false });
  if (!index.isSame(query.input, key.input) || !index.isSame(query.input, value.input))
    throw new Unlike("queries, keys and values of the same tokens (another input: cross-attention)");
  const norm = matchNorm(index, query.input);
  if (norm === undefined)
    throw new Unlike("a layer norm in front of the attention (none: normed behind the addition?)");
  const factor = query.scale * key.scale * scale * Math.sqrt(D);
  const ofQuery = Math.abs(factor - 1) < 1e-6 ? query : scaled(query, factor);
  const output = await outputOf(index, context.outputs[0] as Value, { heads, S, D });
  const { sum, rest, weights } = addedTo(index, output);
  if (query.weight.length !== (heads * D) ** 2 || weights.bias.length !== heads * D)
    throw new Unlike(`heads that are together as wide as the tokens (${heads} of ${D})`);
  if (!index.isSame(rest, norm.input))
    throw new Unlike("the attention's result to be added to what was normed");
  return {
    norm,
    heads,
    headDim: D,
    query: ofQuery,
    key,
    value: value.scale === 1 ? value : scaled(value, value.scale),
    output: weights,
    sum,
  };
}

/** The product of queries and keys that a softmax is over, and the factor between. */
async function scoresAbove(index: GraphIndex, scores: Value): Promise<{ product: Node; scale: number }> {
  let [value, scale] = [index.source(scores), 1];
  for (;;) {
    const node = index.producer(value);
    const isData = (input: Value | null | undefined) => index.constant(input) === undefined;
    if (node?.op === "MatMul" && node.inputs.every(isData)) return { product: node, scale };
    if (node?.op === "Add") {
      value = index.source(await besidesZeros(index, node));
      continue;
    }
    const parts = node && (node.op === "Mul" || node.op === "Div") ? index.split(node) : undefined;
    if (
      parts === undefined ||
      parts.constant.data.length !== 1 ||
      (node?.op === "Div" && parts.constantAt === 0)
    )
      throw new Unlike("a softmax over products of queries and keys");
    const by = floats(parts.constant)[0] as number;
    scale = node?.op === "Div" ? scale / by : scale * by;
    value = index.source(parts.other);
  }
}

/** Exporters add a mask that lets everything pass: of a sum of which one part is zero, the other. */
async function besidesZeros(index: GraphIndex, { inputs }: Node): Promise<Value> {
  const [a, b] = inputs as [Value, Value];
  for (const [added, other] of [
    [b, a],
    [a, b],
  ] as const) {
    const numbers = index.constant(added)?.data ?? (await index.through([], added));
    if (numbers && Array.prototype.every.call(numbers, (x) => Number(x) === 0)) return other;
  }
  throw new Unlike(
    "scores of queries and keys alone (something is added to them: a mask or relative positions)",
  );
}

/** The product of weights and values. PyTorch's exporter guards a softmax against rows without a key. */
function contextBelow(index: GraphIndex, weights: Value): Node {
  const readers = index.readersOfSame(weights);
  const guard = readers.find(({ op }) => op === "Where");
  if (guard !== undefined && readers.some(({ op }) => op === "IsNaN"))
    return contextBelow(index, guard.outputs[0] as Value);
  const [only] = readers;
  if (readers.length !== 1 || only?.op !== "MatMul" || !index.isSame(only.inputs[0] as Value, weights))
    throw new Unlike("the softmax's weights to be multiplied with values, and read by nothing else");
  return only;
}

interface Shape {
  readonly heads: number;
  readonly S: number;
  readonly D: number;
}

/** What a value [heads, S, D] (turned: [heads, D, S]) is made of: rows of one product, and a factor. */
async function headsOf(
  index: GraphIndex,
  value: Value,
  { heads, S, D, turned }: Shape & { turned: boolean },
): Promise<Weights & { input: Value; scale: number }> {
  const linear = linearAbove(index, value);
  if (linear === undefined)
    throw new Unlike("queries, keys and values that are products of tokens with a matrix");
  const F = linear.out;
  const ones = await index.through([[linear.output, new Float64Array(S * F).fill(1)]], value);
  const iota = await index.through([[linear.output, counted(S * F)]], value);
  const scale = ones?.[0];
  if (
    ones === undefined ||
    iota === undefined ||
    !scale ||
    ones.some((x) => x !== scale) ||
    ones.length !== heads * S * D
  )
    throw new Unlike("queries, keys and values that are moved on their way to the heads and no more");
  const weight = new Float32Array(heads * D * linear.into);
  const bias = new Float32Array(heads * D);
  for (let n = 0; n < heads; n++)
    for (let d = 0; d < D; d++) {
      const at = (s: number) =>
        Math.round((iota[turned ? (n * D + d) * S + s : (n * S + s) * D + d] as number) / scale);
      const row = at(0);
      for (let s = 0; s < S; s++)
        if (at(s) !== s * F + row) throw new Unlike("heads that look at tokens in their own order");
      weight.set(
        linear.weight.subarray(row * linear.into, (row + 1) * linear.into),
        (n * D + d) * linear.into,
      );
      bias[n * D + d] = linear.bias[row] as number;
    }
  return { input: linear.input, weight, bias, scale };
}

function counted(length: number): Float64Array {
  return Float64Array.from({ length }, (_, at) => at);
}

const MOVES: ReadonlySet<string> = new Set([
  "Reshape",
  "Transpose",
  "Split",
  "Slice",
  "Gather",
  "Squeeze",
  "Unsqueeze",
  "Identity",
  "Cast",
  "Mul",
  "Div",
]);

function linearAbove(index: GraphIndex, value: Value): Linear | undefined {
  const linear = matchLinear(index, value);
  if (linear !== undefined) return linear;
  const node = index.producer(value);
  if (node === undefined || !MOVES.has(node.op)) return undefined;
  const from = node.op === "Mul" || node.op === "Div" ? index.split(node)?.other : node.inputs[0];
  return from ? linearAbove(index, from) : undefined;
}

/** The product that takes the heads' contexts [heads, S, D] together. */
async function outputOf(
  index: GraphIndex,
  context: Value,
  { heads, S, D }: Shape,
): Promise<{ weights: Weights; value: Value }> {
  let value = context;
  let product: Node | undefined;
  while (product === undefined) {
    const readers = index.readers(value);
    const [only] = readers;
    if (readers.length !== 1 || only === undefined) throw new Unlike("contexts that are read once");
    if ((only.op === "MatMul" || only.op === "Gemm") && index.constant(only.inputs[1])) product = only;
    else if (MOVES.has(only.op)) value = only.outputs[0] as Value;
    else throw new Unlike("a product that takes the heads' contexts together");
  }
  const linear = biased(index, product.outputs[0] as Value);
  const H = heads * D;
  const iota = await index.through([[context, counted(heads * S * D)]], value);
  if (linear === undefined || linear.into !== H || iota?.length !== S * H)
    throw new Unlike("a product that takes the heads' contexts together");
  const weight = new Float32Array(linear.weight.length);
  for (let h = 0; h < H; h++) {
    const first = iota[h] as number;
    const [n, d] = [Math.floor(first / (S * D)), first % D];
    for (let s = 0; s < S; s++)
      if (iota[s * H + h] !== (n * S + s) * D + d) throw new Unlike("contexts in the order of the tokens");
    for (let row = 0; row < linear.out; row++)
      weight[row * H + n * D + d] = linear.weight[row * H + h] as number;
  }
  return { weights: { weight, bias: linear.bias }, value: linear.output };
}

/** The product with the bias that is added next, where there is one. */
function biased(index: GraphIndex, product: Value): Linear | undefined {
  const readers = index.readersOfSame(product);
  const [only] = readers;
  const withBias =
    readers.length === 1 && only?.op === "Add" ? matchLinear(index, only.outputs[0] as Value) : undefined;
  return withBias ?? matchLinear(index, product);
}

/**
 * The addition to the tokens below, and layer scale on the way.
 * @returns the sum, its other summand, and the weights scaled
 */
export function addedTo(
  index: GraphIndex,
  given: { weights: Weights; value: Value },
): { sum: Value; rest: Value; weights: Weights } {
  let { weights, value } = given;
  for (;;) {
    const readers = index.readersOfSame(value);
    const [only] = readers;
    if (readers.length !== 1 || only === undefined)
      throw new Unlike("a result that is added to the tokens, and read by nothing else");
    if (only.op === "Add") {
      const [a, b] = only.inputs as [Value, Value];
      const rest = index.isSame(a, value) ? b : a;
      return { sum: only.outputs[0] as Value, rest, weights };
    }
    const parts = only.op === "Mul" ? index.split(only) : undefined;
    if (parts === undefined) throw new Unlike("a result that is added to the tokens");
    weights = scaled(weights, floats(parts.constant));
    value = only.outputs[0] as Value;
  }
}

/** Rows times a factor, or each times its own. */
function scaled<T extends Weights>(weights: T, by: number | Float32Array): T {
  const { weight, bias } = weights;
  const width = weight.length / bias.length;
  const factor = (row: number) =>
    typeof by === "number" ? by : ((by.length === 1 ? by[0] : by[row]) as number);
  return {
    ...weights,
    weight: weight.map((x, at) => x * factor(Math.floor(at / width))),
    bias: bias.map((x, row) => x * factor(row)),
  };
}
