import type { Graph, Node, Value } from "@kilotune/engine";
import { atShape, GraphIndex } from "./graph-index.ts";
import { type Attention, matchAttention, Unlike } from "./match-attention.ts";
import { matchMlp, type Mlp, normsOf } from "./match-mlp.ts";
import { matchNorm, type Norm } from "./match-parts.ts";

/** An exported vision transformer, taken apart. Values are those of the graph for one image. */
export interface Recognised {
  readonly blocks: readonly Block[];
  /** Of the tokens below the first block. */
  readonly inputNorm?: Norm;
  /** Tokens [1, S, H] that the first block's norm, or `inputNorm`, reads. */
  readonly tokens: Value;
  /** Behind the last block. */
  readonly norm?: Norm;
  /** Patches of the image: rows and columns. */
  readonly grid: readonly [rows: number, columns: number];
  /** The one convolution that makes patches of pixels. */
  readonly patches: Node;
}

export interface Block {
  readonly softmax: Node;
  readonly attention: Attention;
  readonly mlp: Mlp;
}

/** What was looked for, in words, where a graph isn't such a transformer. */
export type Recognition =
  | { readonly ok: true; readonly found: Recognised; readonly index: GraphIndex }
  | { readonly ok: false; readonly looked: readonly string[] };

/**
 * Finds the blocks of a vision transformer by their pattern: a softmax over products of queries and keys, the values it
 * weighs, the norm in front of it, the MLP behind it. What moves and scales in between is found out with numbers, so that it
 * doesn't matter how an exporter spelt it.
 */
export async function recognise(graph: Graph): Promise<Recognition> {
  const looked: string[] = [];
  const [pixels] = graph.inputs;
  if (graph.inputs.length !== 1 || pixels?.shape.length !== 4 || pixels.shape[1] !== 3)
    return {
      ok: false,
      looked: [`one input [batch, 3, height, width]: ${graph.inputs.map(describe).join("; ")}`],
    };
  const [, , height, width] = pixels.shape;
  if (typeof height !== "number" || typeof width !== "number")
    return { ok: false, looked: [`an image size in numbers: ${describe(pixels)}`] };
  const index = new GraphIndex(atShape(graph, [1, 3, height, width]));
  const softmaxes = index.graph.nodes.filter((node) => node.op === "Softmax" && isOverTokens(node));
  looked.push(`attentions, each a softmax over tokens [.., S, S]: ${softmaxes.length} found`);
  const blocks: Block[] = [];
  for (const softmax of softmaxes) {
    try {
      const attention = await matchAttention(index, softmax);
      blocks.push({ softmax, attention, mlp: await matchMlp(index, attention.sum) });
    } catch (error) {
      if (!(error instanceof Unlike)) throw error;
      looked.push(`at ${softmax.name || softmax.outputs[0]?.name}: ${error.message}`);
    }
  }
  const chain = chainOf(index, blocks);
  const last = chain.at(-1);
  // A decoder's attentions, or a pooling one's, lie behind the encoder, and are left.
  const matched = new Set(chain.map(({ softmax }) => softmax));
  const others = softmaxes.filter((softmax) => !matched.has(softmax));
  const end = last && index.producer(last.mlp.sum);
  const isEncoder =
    end !== undefined && others.every((softmax) => leadsTo(index, end, softmax.inputs[0] as Value));
  if (!isEncoder) {
    if (blocks.length === softmaxes.length && last !== undefined)
      looked.push(
        `blocks of which each reads what the one before gives: ${chain.length} of ${blocks.length} do`,
      );
    return { ok: false, looked };
  }
  const fault = differences(chain);
  if (fault !== undefined) return { ok: false, looked: [...looked, fault] };
  const first = (chain[0] as Block).attention.norm.input;
  const inputNorm = matchNorm(index, first);
  const tokens = inputNorm?.input ?? first;
  const patches = patchesOf(index, tokens, (chain[0] as Block).attention);
  if (typeof patches === "string") return { ok: false, looked: [...looked, patches] };
  const norm = lastNorm(index, (chain.at(-1) as Block).mlp.sum);
  const found = { blocks: chain, tokens, ...patches, ...(inputNorm && { inputNorm }), ...(norm && { norm }) };
  return { ok: true, found, index };
}

function isOverTokens({ inputs, attributes }: Node): boolean {
  const { shape } = inputs[0] as Value;
  const axis = attributes.axis?.type === "int" ? attributes.axis.value : -1;
  return shape.length >= 3 && (axis === -1 || axis === shape.length - 1) && shape.at(-1) === shape.at(-2);
}

/** From the first block that reads none of the others, each that reads the one before. */
function chainOf(index: GraphIndex, blocks: readonly Block[]): Block[] {
  const below = (block: Block) =>
    blocks.find((other) => other !== block && index.isSame(other.mlp.sum, block.attention.norm.input));
  const chain: Block[] = [];
  let next = blocks.find((block) => below(block) === undefined);
  while (next !== undefined) {
    chain.push(next);
    const last: Block = next;
    next = blocks.find((block) => below(block) === last);
  }
  return chain;
}

function differences(blocks: readonly Block[]): string | undefined {
  const of = ({ attention, mlp }: Block) =>
    JSON.stringify([
      attention.heads,
      attention.headDim,
      mlp.size,
      mlp.activation,
      mlp.kind,
      attention.norm.epsilon,
      mlp.norm.epsilon,
    ]);
  const [first, ...rest] = blocks.map(of);
  const other = rest.findIndex((each) => each !== first);
  return other < 0
    ? undefined
    : `blocks of one kind: the first is ${first} (heads, head size, MLP size, activation, kind, epsilons), block ${other + 1} is ${rest[other]}`;
}

function patchesOf(index: GraphIndex, tokens: Value, { heads, headDim }: Attention) {
  const convolutions = index.graph.nodes.filter((node) => node.op === "Conv" && leadsTo(index, node, tokens));
  const [only] = convolutions;
  const sought = "one convolution that makes patches of pixels, as wide as its step";
  if (only === undefined || convolutions.length > 1)
    return `${sought}: ${convolutions.length} convolutions below the first block`;
  const ints = (name: string) =>
    only.attributes[name]?.type === "ints" ? only.attributes[name].value : undefined;
  const dims = (value: Value) => value.shape as number[] as [number, number, number, number];
  const [, , size, width] = dims(only.inputs[1] as Value);
  const [, , imageHeight, imageWidth] = dims(only.inputs[0] as Value);
  const [, maps, rows, columns] = dims(only.outputs[0] as Value);
  const isPlain =
    size === width &&
    (ints("strides") ?? [1, 1]).every((stride) => stride === size) &&
    !ints("pads")?.some((pad) => pad > 0) &&
    imageHeight === rows * size &&
    imageWidth === columns * size;
  if (!isPlain || maps !== heads * headDim || !index.constant(only.inputs[1]))
    return `${sought}: ${describe(only.outputs[0] as Value)}`;
  const S = tokens.shape.at(-2) as number;
  if (S < rows * columns) return `a token for each patch: ${S} tokens, ${rows} x ${columns} patches`;
  return { patches: only, grid: [rows, columns] as const };
}

function leadsTo(index: GraphIndex, node: Node, value: Value): boolean {
  const seen = new Set<Node>();
  const visit = (at: Value): boolean => {
    const made = index.producer(at);
    if (made === undefined || seen.has(made)) return false;
    seen.add(made);
    return made === node || made.inputs.some((input) => input !== null && visit(input));
  };
  return visit(value);
}

/** Of all tokens, or of the first alone where a model norms only what its head reads. */
function lastNorm(index: GraphIndex, tokens: Value): Norm | undefined {
  const [all] = normsOf(index, tokens);
  if (all !== undefined) return all;
  for (const node of index.readersOfSame(tokens)) {
    if (node.op !== "Gather" && node.op !== "Slice") continue;
    const [norm] = normsOf(index, node.outputs[0] as Value);
    if (norm !== undefined) return norm;
  }
  return undefined;
}

function describe({ name, dtype, shape }: Value): string {
  return `${name}: ${dtype}[${shape.join(", ")}]`.slice(0, 120);
}
