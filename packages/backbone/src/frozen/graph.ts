import { type Graph, GraphBuilder, int64, type Value } from "@kilotune/engine";
import { borderPlaces } from "@kilotune/image";
import type { Stage } from "./stages.ts";

/**
 * A frozen graph of any kind with prompts around it: on its input, and where it is convolutional, on the channels of chosen
 * stages. B images, C channels of a stage, R pixels of a border.
 */

/** How prompts join. All are added to a graph that stays as it is; none of them is the plain graph. */
export interface FrozenSites {
  /** A border so many pixels wide, added to the image: input `border` [3, R] (Bahng et al., arXiv:2203.17274). */
  readonly border?: number;
  /** A picture added to the image: input `residual` [3, height, width]. */
  readonly residual?: boolean;
  /** Names of stages: inputs `scale.P3` and `shift.P3` [C], zeros for no change. */
  readonly stages?: readonly string[];
}

export interface FrozenFeatures {
  /** By stage: [B, C, rows, columns], its own prompt within. */
  readonly stages: ReadonlyMap<string, Value>;
  /** By the original graph's names. */
  readonly outputs: ReadonlyMap<string, Value>;
}

/** A scale and a shift a channel: [C], or [B, C] where rows have their own. */
export interface Modulation {
  readonly scale: Value;
  readonly shift: Value;
}

/**
 * @param pixels name of the images' input
 * @param rows "shared": one prompt for all images, as in tuning. "each": prompts have a first axis B, so that tenants mix.
 * @param given what the prompted stages are changed by, in place of inputs of their own
 */
export function frozenGraph(
  graph: Graph,
  stages: readonly Stage[],
  sites: FrozenSites,
  { name, rows, pixels = "pixels" }: { name: string; rows: "shared" | "each"; pixels?: string },
  given: (b: GraphBuilder) => ReadonlyMap<string, Modulation> | undefined = () => undefined,
): { readonly builder: GraphBuilder; readonly features: FrozenFeatures } {
  const b = new GraphBuilder(name);
  const modulations = given(b);
  const values = new Map<string, Value>();
  // The file's names must not meet those that a builder makes up.
  const own = (original: string) => `frozen.${original}`;
  const byValue = new Map(stages.map((stage) => [stage.value, stage]));
  const found = new Map<string, Value>();
  const keep = (original: string, value: Value) => {
    const stage = byValue.get(original);
    const prompted = stage !== undefined && sites.stages?.includes(stage.name);
    const seen = prompted ? modulated(b, value, stage, rows, modulations?.get(stage.name)) : value;
    values.set(original, seen);
    if (stage !== undefined) found.set(stage.name, seen);
  };
  if (isOfPixels(graph))
    values.set((graph.inputs[0] as Value).name, promptedPixels(b, graph, sites, rows, pixels));
  else
    for (const input of graph.inputs)
      keep(input.name, b.input(input.name, input.dtype, ofBatch(input.shape)));
  for (const { value, source } of graph.initializers)
    values.set(
      value.name,
      "data" in source
        ? b.constant(source, own(value.name))
        : b.weight(own(value.name), value.dtype, value.shape as number[], source),
    );
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => (input === null ? null : (values.get(input.name) as Value)));
    const outputs = b.node(node.op, inputs, node.attributes, {
      name: own(node.name),
      outputs: node.outputs.map((output) => own(output.name)),
    });
    outputs.forEach((output, at) => void keep(node.outputs[at]?.name as string, output));
  }
  const outputs = new Map(graph.outputs.map((output) => [output.name, values.get(output.name) as Value]));
  return { builder: b, features: { stages: found, outputs } };
}

/** Not the upper part of a graph that was cut. */
function isOfPixels({ inputs }: Graph): boolean {
  return inputs.length === 1 && inputs[0]?.shape.length === 4 && inputs[0].shape[1] === 3;
}

/** An export for one number of images has that number in its shapes; else it is a symbol, here B. */
function ofBatch([batch, ...rest]: Value["shape"]): (number | string)[] {
  return [typeof batch === "number" ? batch : "B", ...rest];
}

function promptedPixels(
  b: GraphBuilder,
  graph: Graph,
  sites: FrozenSites,
  rows: "shared" | "each",
  name: string,
): Value {
  const shape = ofBatch((graph.inputs[0] as Value).shape);
  const [batch, , height, width] = shape as [number | string, number, number, number];
  const each = (dims: number[]) => (rows === "each" ? [batch, ...dims] : dims);
  let seen = b.input(name, "float32", shape);
  if (sites.residual) seen = b.op("Add", [seen, b.input("residual", "float32", each([3, height, width]))]);
  if (sites.border === undefined) return seen;
  const places = borderPlaces({ height, width }, sites.border);
  const border = b.input("border", "float32", each([3, places.length]));
  return b.op("Add", [seen, spread(b, border, places, [height, width])]);
}

/** Names of the inputs that `sites` adds: what is learnt, beside a head. */
export function promptInputs(sites: FrozenSites): string[] {
  return [
    ...(sites.residual ? ["residual"] : []),
    ...(sites.border === undefined ? [] : ["border"]),
    ...(sites.stages ?? []).flatMap((stage) => [`scale.${stage}`, `shift.${stage}`]),
  ];
}

/** x * (1 + scale) + shift, one of each a channel */
function modulated(
  b: GraphBuilder,
  x: Value,
  stage: Stage,
  rows: "shared" | "each",
  given: Modulation | undefined,
): Value {
  const dims = rows === "each" ? [x.shape[0] as number | string, stage.channels] : [stage.channels];
  const axes = b.ints(rows === "each" ? [2, 3] : [0, 2, 3]);
  const of = (name: "scale" | "shift") =>
    b.op("Unsqueeze", [given?.[name] ?? b.input(`${name}.${stage.name}`, "float32", dims), axes]);
  return b.op("Add", [b.op("Mul", [x, b.op("Add", [of("scale"), b.scalar(1)])]), of("shift")]);
}

/** border [.., 3, R] -> [.., 3, height, width], zeros inside */
function spread(
  b: GraphBuilder,
  border: Value,
  places: Int32Array,
  [height, width]: readonly [number, number],
): Value {
  const axis = border.shape.length - 1;
  const padded = b.op("Pad", [border, b.ints([1, 0]), null, b.ints([axis])]);
  // Of each pixel its number among the border's, from 1 on, or 0 inside.
  const numbers = new BigInt64Array(height * width);
  places.forEach((place, at) => {
    numbers[place] = BigInt(at + 1);
  });
  const index = b.constant(int64(numbers, [numbers.length]));
  const flat = b.op("Gather", [padded, index], { axis });
  const lead = border.shape.length === 3 ? [0, 3] : [3];
  return b.op("Reshape", [flat, b.ints([...lead, height, width])]);
}
