import type { Prng } from "@kilotune/dataset";
import { differentiate, float32, GraphBuilder, type OpenGraph, sizeOf, type Value } from "@kilotune/engine";
import type { PromptSite } from "./prompt-site.ts";

/**
 * What a prompt is learnt through while it is tuned, a row of numbers [X] a virtual token; what is published is the prompt.
 *
 * low-rank: start + A B / R, A [P, R], B [R, X] (Xiao et al., arXiv:2310.10094).
 * mlp: start + tanh(E W / sqrt M + b) V / M, E [P, M], W [M, M], b [M], V [M, X] (Li & Liang, arXiv:2101.00190).
 *
 * B and V are zero at first, so that a run begins at the prompt's own start, whatever that is. The divisors make a step of
 * one learning rate move the prompt about as far as it does without. Neither was better than learning the prompt itself: kv
 * on banking77, 5 shots, training rows held out, gave 80.7 %; low-rank:4 80.4, at thrice the rate 80.8; mlp:128 80.5, at a
 * third of the rate 80.7.
 */
export type Reparametrisation =
  | { readonly kind: "low-rank"; readonly rank: number }
  | { readonly kind: "mlp"; readonly width: number };

/** One, its graph open. The caller releases it. */
export interface OpenReparametrisation {
  /** The prompt that factors give, flat. @param start where it began */
  prompt(factors: Float32Array, start: Float32Array): Promise<Float32Array>;
  /** Of the factors, by the gradient of the prompt. */
  gradient(factors: Float32Array, start: Float32Array, ofPrompt: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

export async function openReparametrisation(
  how: Reparametrisation,
  { dims }: Pick<PromptSite, "dims">,
  openGraph: OpenGraph,
): Promise<OpenReparametrisation> {
  const session = await openGraph(reparametrisationGraph(how, dims));
  const run = async (output: string, ...flat: readonly Float32Array[]) => {
    const [factors, start, ofPrompt] = flat as [Float32Array, Float32Array, Float32Array];
    const results = await session.run(
      {
        factors: float32(factors, [factors.length]),
        start: float32(start, dims),
        upstream: float32(ofPrompt, dims),
      },
      [output],
    );
    return results[output]?.data as Float32Array;
  };
  const nothing = new Float32Array(sizeOf(dims));
  return {
    prompt: (factors, start) => run("prompt", factors, start, nothing),
    gradient: (factors, start, ofPrompt) => run("grad.factors", factors, start, ofPrompt),
    release: () => session.release(),
  };
}

/** Factors as they begin: random, the last of them zero. */
export function startFactors(
  how: Reparametrisation,
  { dims }: Pick<PromptSite, "dims">,
  random: Prng,
): Float32Array {
  const shapes = factorShapes(how, dims);
  const values = new Float32Array(shapes.reduce((sum, shape) => sum + sizeOf(shape), 0));
  const normals = how.kind === "low-rank" ? sizeOf(shapes[0]!) : sizeOf(shapes[0]!) + sizeOf(shapes[1]!);
  for (let at = 0; at < normals; at++) values[at] = random.normal();
  return values;
}

/** `factors` [F], `start` and `upstream` of the prompt's dims -> `prompt`, and `grad.factors` of the sum of both multiplied. */
export function reparametrisationGraph(how: Reparametrisation, dims: readonly number[]) {
  const b = new GraphBuilder(how.kind);
  const shapes = factorShapes(how, dims);
  const sizes = shapes.map(sizeOf);
  const factors = b.input("factors", "float32", [sizes.reduce((sum, size) => sum + size, 0)]);
  const parts = b.node("Split", [factors, b.ints(sizes)], { axis: 0 }, { outputs: sizes.length });
  const tensors = parts.map((part, at) => b.op("Reshape", [part, b.ints(shapes[at] as number[])]));
  const moved = how.kind === "low-rank" ? lowRank(b, tensors, how.rank) : throughMlp(b, tensors, how.width);
  const prompt = b.op("Add", [b.input("start", "float32", dims), byTokens(b, moved, dims)]);
  b.output(prompt, "prompt");
  const products = b.op("Mul", [prompt, b.input("upstream", "float32", dims)]);
  b.output(b.op("ReduceSum", [products], { keepdims: 0 }), "loss");
  return differentiate(b.build(), { loss: "loss", wrt: ["factors"] });
}

function lowRank(b: GraphBuilder, [a, wide]: readonly Value[], rank: number): Value {
  return b.op("Mul", [b.op("MatMul", [a as Value, wide as Value]), b.scalar(1 / rank)]);
}

function throughMlp(b: GraphBuilder, [e, w, bias, v]: readonly Value[], width: number): Value {
  const products = b.op("Mul", [b.op("MatMul", [e as Value, w as Value]), b.scalar(1 / Math.sqrt(width))]);
  const inner = b.op("Tanh", [b.op("Add", [products, bias as Value])]);
  return b.op("Mul", [b.op("MatMul", [inner, v as Value]), b.scalar(1 / width)]);
}

function factorShapes(how: Reparametrisation, dims: readonly number[]): readonly number[][] {
  const [P, X] = tokensAndWidth(dims);
  if (how.kind === "low-rank")
    return [
      [P, how.rank],
      [how.rank, X],
    ];
  const M = how.width;
  return [[P, M], [M, M], [M], [M, X]];
}

/** A token's numbers lie together in [P, H]; in [.., P, D] they are spread over layers and heads. */
function tokensAndWidth(dims: readonly number[]): readonly [P: number, X: number] {
  const P = dims.at(-2) as number;
  return [P, sizeOf(dims) / P];
}

/** [P, X] -> the prompt's dims */
function byTokens(b: GraphBuilder, rows: Value, dims: readonly number[]): Value {
  if (dims.length === 2) return rows;
  const [P, X] = tokensAndWidth(dims);
  const D = dims.at(-1) as number;
  const spread = b.op("Reshape", [rows, b.ints([P, X / D, D])]);
  return b.op("Reshape", [b.op("Transpose", [spread], { perm: [1, 0, 2] }), b.ints([...dims])]);
}
