import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { decodeOnnx, type Dim, float32, type Graph, prune, type Tensor, type Value } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";
import { IMAGENET, type Preprocessing } from "@kilotune/image";
import { weightsOf } from "../bundle/folder.ts";
import { type PlannedWeight, writeWeights } from "../bundle/write-weights.ts";
import { sha256OfFile } from "../download/checksum.ts";
import { type VisionAbout, writeVisionBundle } from "../vision/build.ts";
import { type ImageSize, tokensOf, type VisionConfig } from "../vision/config.ts";
import { buildVisionGraph, type VisionSpec } from "../vision/graphs.ts";
import { type ImageDefaults, parsePreprocessor } from "../vision/preprocessing.ts";
import { floats, type GraphIndex } from "./graph-index.ts";
import { type Recognised, recognise } from "./recognise.ts";

/** `imageSize`: of a graph that leaves it open. */
export interface OnnxAbout extends VisionAbout {
  /** How images were prepared that the model was trained on, where that is known; the size is the graph's. */
  readonly preprocessing?: Omit<Preprocessing, "width" | "height">;
  /** Else what a `preprocessor_config.json` beside the file holds. */
  readonly preprocessor?: unknown;
}

/**
 * Builds a bundle from an exported vision transformer: its blocks are recognised, its weights taken over, and what comes
 * behind them (a decoder, a classifier) is left. Before the bundle stands, its graphs without a prompt are run against the
 * original on random images.
 *
 * @throws KilotuneError `no_sites`, saying what was looked for and not found; `bad_onnx`, `unsupported_op`
 */
export async function importOnnx(file: string, bundle: string, about: OnnxAbout): Promise<void> {
  const { graph, leftOut } = await readGraph(file, about.imageSize);
  const recognition = await recognise(graph);
  if (!recognition.ok) {
    const unknown = `ops that are known here (left out, with all behind them: ${leftOut.join(", ")})`;
    throw noSites(file, [...(leftOut.length > 0 ? [unknown] : []), ...recognition.looked]);
  }
  const { found, index } = recognition;
  const stem = await readStem(graph, found);
  const config = configOf(found, stem);
  const weights = takenFrom(index, found, stem, config);
  const preprocessing = preprocessingOf(about, [config.height, config.width], DEFAULTS);
  await writeVisionBundle(bundle, {
    family: "onnx",
    about: { ...about, weightsSha256: about.weightsSha256 ?? (await sha256OfFile(file)) },
    config,
    preprocessing,
    writeWeights: (to) => writeWeights(to, weights.plan, (name) => weights.tensors.get(name) as Float32Array),
    check: async (folder) => {
      const error = await largestDifference(graph, found, folder, config);
      if (!(error <= TOLERANCE))
        throw noSites(file, [`the same numbers as the original: they differ by ${error}`]);
    },
  });
}

/** Relative, over all features together. */
const TOLERANCE = 1e-5;

/** Where nobody says how images are prepared. */
const DEFAULTS: ImageDefaults = { ...IMAGENET, fit: { kind: "crop", share: 1 }, kernel: "cubic" };

export function preprocessingOf(about: OnnxAbout, size: ImageSize, defaults: ImageDefaults): Preprocessing {
  const [height, width] = size;
  if (about.preprocessing !== undefined) return { ...about.preprocessing, width, height };
  return parsePreprocessor(about.preprocessor, size, defaults);
}

/** A graph with its weights inside; 1 GiB is a transformer of 250 million parameters. */
export const MAX_ONNX_BYTES = 2 ** 30;

/** What of a graph depends on its input and is of known ops: what lies behind others, a decoder as a rule, isn't needed. */
export async function readGraph(
  file: string,
  imageSize?: ImageSize,
): Promise<{ graph: Graph; leftOut: string[] }> {
  const { size } = await stat(file);
  if (size > MAX_ONNX_BYTES) {
    throw new KilotuneError(
      "bad_onnx",
      `expected an .onnx file of at most ${MAX_ONNX_BYTES} bytes, saw ${size}`,
      "Export a smaller model, or one with half-size weights.",
    );
  }
  const bytes = new Uint8Array(await readFile(file));
  const leftOut = new Set<string>();
  const onUnknown = (op: string) => void leftOut.add(op);
  const inputShape = (_: string, shape: readonly Dim[]) => sizedShape(file, shape, imageSize);
  const options = { sizeBytes: MAX_ONNX_BYTES, fold: true, onUnknown, inputShape };
  try {
    return { graph: prune(decodeOnnx(bytes, options)), leftOut: [...leftOut] };
  } catch (error) {
    // What `sizedShape` throws, the reader takes for a fault of the file.
    throw error instanceof Error && error.cause instanceof KilotuneError ? error.cause : error;
  }
}

/** An image's shape with its size in numbers: the graph's own, or where it has none the one asked for. */
function sizedShape(file: string, shape: readonly Dim[], imageSize: ImageSize | undefined): readonly Dim[] {
  const [batch, , height, width] = shape;
  if (shape.length !== 4) return shape;
  const isFixed = typeof height === "number" && typeof width === "number";
  if (isFixed && (imageSize === undefined || (imageSize[0] === height && imageSize[1] === width)))
    return shape;
  if (!isFixed && imageSize !== undefined) return [batch as Dim, 3, ...imageSize];
  const [seen, hint] = isFixed
    ? [
        `is exported for images of ${height} x ${width}; asked for ${imageSize?.join(" x ")}`,
        "Leave the size out",
      ]
    : [
        "reads images of any size",
        "Give the size that it was trained at (imageSize; --size on the command line)",
      ];
  throw new KilotuneError(
    "bad_config",
    `${path.basename(file)} ${seen}.`,
    `${hint}, or export it at the size wanted.`,
  );
}

function noSites(file: string, looked: readonly string[]): KilotuneError {
  return new KilotuneError(
    "no_sites",
    `${path.basename(file)} isn't a vision transformer with blocks that a prompt can join. Looked for:\n${looked
      .slice(0, 8)
      .map((each) => `  ${each}`)
      .join("\n")}`,
    "Such a graph can be left as it is (loadFrozenGraph): prompts on its input, on channels of its stages, and heads.",
  );
}

/** What the graph makes of a black image: the tokens before a pixel has said anything. [S, H] */
interface Stem {
  readonly blank: Float32Array;
  readonly pixels: Value;
}

async function readStem(graph: Graph, { tokens }: Recognised): Promise<Stem> {
  const pixels = graph.inputs[0] as Value;
  const [, , height, width] = pixels.shape as number[];
  const black = float32(new Float32Array(3 * height! * width!), [1, 3, height!, width!]);
  const results = await runTo(graph, [tokens.name], { [pixels.name]: black });
  return { blank: results[tokens.name]!.data as Float32Array, pixels };
}

function configOf(
  { blocks, grid, inputNorm, norm, patches }: Recognised,
  { blank, pixels }: Stem,
): VisionConfig {
  const { attention, mlp } = blocks[0]!;
  const hiddenSize = attention.heads * attention.headDim;
  const leadingTokens = blank.length / hiddenSize - grid[0] * grid[1];
  const [, , height, width] = pixels.shape as number[];
  const patchSize = (patches.inputs[1] as Value).shape[2] as number;
  return {
    layers: blocks.length,
    hiddenSize,
    heads: attention.heads,
    headDim: attention.headDim,
    intermediateSize: mlp.size,
    height: height!,
    width: width!,
    patchSize,
    leadingTokens,
    hasClassToken: leadingTokens > 0,
    activation: mlp.activation,
    mlp: mlp.kind,
    normsInput: inputNorm !== undefined,
    normsOutput: norm !== undefined,
    layerNormEpsilon: attention.norm.epsilon,
  };
}

function takenFrom(index: GraphIndex, found: Recognised, { blank }: Stem, config: VisionConfig) {
  const { hiddenSize: H, leadingTokens, patchSize } = config;
  const tensors = new Map<string, Float32Array>();
  const plan: PlannedWeight[] = [];
  const add = (ours: string, dims: readonly number[], data: Float32Array) => {
    tensors.set(ours, data);
    plan.push({ ours, dims, from: [ours] });
  };
  const addPair = (ours: string, { weight, bias }: { weight: Float32Array; bias: Float32Array }) => {
    add(
      `${ours}.weight`,
      weight.length === bias.length ? [bias.length] : [bias.length, weight.length / bias.length],
      weight,
    );
    add(`${ours}.bias`, [bias.length], bias);
  };
  add("embeddings.patch", [H, 3, patchSize, patchSize], floats(index.constant(found.patches.inputs[1])!));
  if (leadingTokens > 0) add("embeddings.leading", [leadingTokens, H], blank.slice(0, leadingTokens * H));
  add("embeddings.position", [tokensOf(config) - leadingTokens, H], blank.slice(leadingTokens * H));
  if (found.inputNorm) addPair("embeddings.norm", found.inputNorm);
  found.blocks.forEach(({ attention, mlp }, at) => {
    addPair(`layer.${at}.norm1`, attention.norm);
    addPair(`layer.${at}.attention.query`, attention.query);
    addPair(`layer.${at}.attention.key`, attention.key);
    addPair(`layer.${at}.attention.value`, attention.value);
    addPair(`layer.${at}.attention.output`, attention.output);
    addPair(`layer.${at}.norm2`, mlp.norm);
    addPair(`layer.${at}.intermediate`, mlp.into);
    addPair(`layer.${at}.output`, mlp.out);
  });
  if (found.norm) addPair("norm", found.norm);
  return { tensors, plan };
}

/**
 * |ours - the original's| / |the original's| on random images, over all tokens behind the last block and over what the last
 * norm makes of the first one: a class token taken for a patch, or patches in another order, can't pass.
 */
async function largestDifference(
  graph: Graph,
  found: Recognised,
  folder: string,
  config: VisionConfig,
): Promise<number> {
  const { height, width, leadingTokens, hiddenSize: H } = config;
  const behind = found.blocks.at(-1)!.mlp.sum.name;
  const differences: number[] = [];
  for (let image = 0; image < 2; image++) {
    const noise = (_: unknown, at: number) => 2 * Math.sin((at + image) * 12.9898 + Math.sin(at));
    const pixels = float32(Float32Array.from({ length: 3 * height * width }, noise), [1, 3, height, width]);
    const wanted = [behind, ...(found.norm ? [found.norm.output.name] : [])];
    const theirs = await runTo(graph, wanted, { [graph.inputs[0]!.name]: pixels });
    const tokens = theirs[behind]!.data as Float32Array;
    const bare = await featuresOf(folder, { ...config, normsOutput: false }, pixels);
    differences.push(relativeError(bare.patches!.data, tokens.subarray(leadingTokens * H)));
    if (leadingTokens === 0) continue;
    differences.push(relativeError(bare.cls!.data, tokens.subarray(0, H)));
    if (found.norm === undefined) continue;
    const normed = await featuresOf(folder, config, pixels);
    const first = (theirs[found.norm.output.name]!.data as Float32Array).subarray(0, H);
    differences.push(relativeError(normed.cls!.data, first));
  }
  return Math.max(...differences);
}

async function featuresOf(
  folder: string,
  config: VisionConfig,
  pixels: Tensor,
): Promise<Record<string, Tensor>> {
  const weights = await weightsOf(folder);
  const site = { kind: "none", firstLayer: 0 } as const;
  const wanted = { cls: config.hasClassToken, patches: true };
  const run = async (spec: VisionSpec, feeds: Record<string, Tensor>) => {
    const session = await openNodeSession(buildVisionGraph(spec, config, weights), {}, folder);
    return session.run(feeds).finally(() => session.release());
  };
  const { hidden } = await run({ kind: "lower", site }, { pixels });
  return run({ kind: "upper", site, wanted }, { hidden: hidden as Tensor });
}

/** Runs an original graph as far as some of its values. */
async function runTo(
  graph: Graph,
  names: readonly string[],
  feeds: Record<string, Tensor>,
): Promise<Record<string, Tensor>> {
  const values = graph.nodes.flatMap(({ outputs }) => outputs);
  const outputs = names.map((name) => values.find((value) => value.name === name) as Value);
  const session = await openNodeSession(prune({ ...graph, outputs }));
  return session.run(feeds).finally(() => session.release());
}

function relativeError(ours: ArrayLike<unknown>, theirs: Float32Array): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let [error, norm] = [0, 0];
  theirs.forEach((value, at) => {
    error += (Number(ours[at]) - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(error / norm);
}
