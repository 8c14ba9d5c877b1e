import type { GraphBuilder, Value } from "@kilotune/engine";

/**
 * What a prompt adds to the products of an encoder's layers, the same to all rows, or to each row what its own prompt has.
 *
 * L layers, H hidden size, I outputs of the wide product, R rank; B rows of a batch, A prompts in its table.
 */

/** A product of a layer that may be added to, by the name of its weights. */
export type ProductName =
  | "attention.query"
  | "attention.value"
  | "attention.output"
  | "intermediate"
  | "output";

/** To x W^T + bias: */
export interface Added {
  /** x A^T B (LoRA: Hu et al., arXiv:2106.09685), each factor [R, H] or [B, R, H], the second turned. */
  readonly lowRank?: readonly [a: Value, b: Value];
  /** Another bias besides (BitFit: Ben Zaken et al., arXiv:2106.10199), [out] or [B, out]. */
  readonly bias?: Value;
}

export type Additions = Readonly<Partial<Record<ProductName, Added>>>;

/** Of all layers, and of what lies behind them. */
export interface PromptAdditions {
  /** None of layers that the prompt leaves alone. */
  ofLayer(layer: number): Additions;
  /** To the states behind the last norm, [H] or [B, H]. */
  readonly behind?: Value;
}

/** Such additions, by the name of a graph's input. */
export type AdditionKind = "lora" | "biases";

/** What the shapes depend on. */
export interface AdditionSizes {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly mlp: "plain" | "gated";
}

/**
 * Products with a bias of a prompt's, and their outputs. All biases of an encoder that make a difference: a key's adds the
 * same to all scores of a query, which the softmax takes away; a value's is one of the attention's output, since weights of
 * attention sum to one; a norm's is one of the products that read it, but for the last one's, `behind`.
 */
function biasWidths({ hiddenSize: H, intermediateSize, mlp }: AdditionSizes): [ProductName, number][] {
  return [
    ["attention.query", H],
    ["attention.output", H],
    ["intermediate", mlp === "gated" ? 2 * intermediateSize : intermediateSize],
    ["output", H],
  ];
}

/** Numbers of a bias prompt from `firstLayer` on: those of each layer's products in their order, then H behind the last norm. */
export function biasNumbers(sizes: AdditionSizes, firstLayer: number): number {
  const ofLayer = biasWidths(sizes).reduce((sum, [, width]) => sum + width, 0);
  return (sizes.layers - firstLayer) * ofLayer + sizes.hiddenSize;
}

/**
 * Of a batch's rows. lora: inputs `lora` [A, L, 2, 2, R, H], a table of factors, of queries and of values two, and `lora_index` [B],
 * which of them each row has. biases: inputs `biases` [A, biasNumbers from layer 0 on] and `biases_index` [B].
 */
export function servedAdditions(b: GraphBuilder, kind: AdditionKind, sizes: AdditionSizes): PromptAdditions {
  const { layers: L, hiddenSize: H } = sizes;
  const table = b.input(
    kind,
    "float32",
    kind === "lora" ? ["A", L, 2, 2, "R", H] : ["A", biasNumbers(sizes, 0)],
  );
  const index = b.input(`${kind}_index`, "int64", ["B"]);
  const pick = (part: Value) => b.op("Gather", [part, index], { axis: 0 });
  if (kind === "biases") return biasAdditions(split(b, pick(table), 1, partsOf(sizes, 0)), sizes, 0);
  const factors = splitAxis(b, b.op("Reshape", [table, b.ints([0, 4 * L, -1, H])]), 1, 4 * L);
  return loraAdditions(factors.map(pick), 0);
}

/** Of one prompt for all rows, from `firstLayer` on: `lora` [L - firstLayer, 2, 2, R, H] or `biases` [biasNumbers]. */
export function sharedAdditions(
  b: GraphBuilder,
  kind: AdditionKind,
  prompt: Value,
  sizes: AdditionSizes,
  firstLayer: number,
): PromptAdditions {
  if (kind === "biases")
    return biasAdditions(split(b, prompt, 0, partsOf(sizes, firstLayer)), sizes, firstLayer);
  const parts = 4 * (sizes.layers - firstLayer);
  const flat = b.op("Reshape", [prompt, b.ints([parts, -1, sizes.hiddenSize])]);
  return loraAdditions(splitAxis(b, flat, 0, parts), firstLayer);
}

/** The shape of one prompt's numbers. @param rank of lora */
export function additionDims(
  kind: AdditionKind,
  sizes: AdditionSizes,
  firstLayer: number,
  rank: number | "R",
): (number | string)[] {
  if (kind === "biases") return [biasNumbers(sizes, firstLayer)];
  return [sizes.layers - firstLayer, 2, 2, rank, sizes.hiddenSize];
}

/** Four factors of each layer from `firstLayer` on: queries' two, values' two. */
function loraAdditions(factors: readonly Value[], firstLayer: number): PromptAdditions {
  return {
    ofLayer(layer) {
      if (layer < firstLayer) return {};
      const [a, b, c, d] = factors.slice(4 * (layer - firstLayer)) as [Value, Value, Value, Value];
      return { "attention.query": { lowRank: [a, b] }, "attention.value": { lowRank: [c, d] } };
    },
  };
}

function biasAdditions(parts: readonly Value[], sizes: AdditionSizes, firstLayer: number): PromptAdditions {
  const names = biasWidths(sizes).map(([name]) => name);
  return {
    ofLayer(layer) {
      if (layer < firstLayer) return {};
      const own = parts.slice(names.length * (layer - firstLayer));
      return Object.fromEntries(names.map((name, at) => [name, { bias: own[at] as Value }]));
    },
    behind: parts.at(-1) as Value,
  };
}

function partsOf(sizes: AdditionSizes, firstLayer: number): number[] {
  const widths = biasWidths(sizes).map(([, width]) => width);
  const layers = Array.from({ length: sizes.layers - firstLayer }, () => widths);
  return [...layers.flat(), sizes.hiddenSize];
}

function split(b: GraphBuilder, value: Value, axis: number, sizes: readonly number[]): readonly Value[] {
  return b.node("Split", [value, b.ints([...sizes])], { axis }, { outputs: sizes.length });
}

/** The slices of one along an axis, without that axis. */
export function splitAxis(b: GraphBuilder, value: Value, axis: number, parts: number): Value[] {
  const slices = split(b, value, axis, Array<number>(parts).fill(1));
  return slices.map((slice) => b.op("Squeeze", [slice, b.ints([axis])]));
}
