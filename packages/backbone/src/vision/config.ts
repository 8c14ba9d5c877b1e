import { badConfig, type Fields, integer } from "../config-fields.ts";
import type { EncoderSizes } from "../encoder/parts.ts";

/**
 * What a vision transformer's graphs need to know (Dosovitskiy et al., arXiv:2010.11929), whatever its family. Layer scale
 * is within the weights of a bundle, and so are the positions of its image size.
 */
export interface VisionConfig extends EncoderSizes {
  readonly intermediateSize: number;
  /** Of the image, in pixels; multiples of patchSize. */
  readonly height: number;
  readonly width: number;
  readonly patchSize: number;
  /** Tokens in front of the patches: the class token, where there is one, then registers. */
  readonly leadingTokens: number;
  readonly hasClassToken: boolean;
  readonly activation: Activation;
  /** "gated": half of the wide layer gates the other half by SiLU (Shazeer, arXiv:2002.05202). */
  readonly mlp: "plain" | "gated";
  /** CLIP norms the tokens before its first layer, too. */
  readonly normsInput: boolean;
  /** Whether there is a norm behind the last layer. */
  readonly normsOutput: boolean;
  /** Of a graph that is no transformer: channels that a prompt scales and shifts, and of how many stages they are. */
  readonly channels?: number;
  readonly stages?: number;
}

/** gelu is the exact one, by erf; gelu-tanh its approximation; gelu-sigmoid is x * sigmoid(1.702 x), CLIP's. */
export type Activation = "gelu" | "gelu-tanh" | "gelu-sigmoid" | "relu" | "silu";

/** What a checkpoint of a vision family says: its encoder, and how its positions were laid out. */
export interface VisionCheckpoint {
  readonly config: VisionConfig;
  /** Rows and columns of the checkpoint's table of positions. */
  readonly trainedGrid: readonly [rows: number, columns: number];
  /** Checkpoints differ in how their positions are stretched to another size. */
  readonly antialiasPositions: boolean;
  /** Biases of queries, keys and values; of the patches. */
  readonly qkvBias: boolean;
  readonly patchBias: boolean;
}

/** The families' names in config.json. */
export const VISION_TYPES: readonly string[] = [
  "vit",
  "vit_mae",
  "clip",
  "clip_vision_model",
  "dinov2",
  "dinov2_with_registers",
];

/** Height and width in pixels. */
export type ImageSize = readonly [height: number, width: number];

/** Patches of an image: rows and columns. */
export function gridOf({ height, width, patchSize }: VisionConfig): readonly [rows: number, columns: number] {
  return [height / patchSize, width / patchSize];
}

/** Leading tokens and patches. */
export function tokensOf(config: VisionConfig): number {
  const [rows, columns] = gridOf(config);
  return config.leadingTokens + rows * columns;
}

/** The sizes that all these families write alike. */
export function parseSizes(fields: Fields) {
  const hiddenSize = integer(fields, "hidden_size", 1, 16_384);
  const heads = integer(fields, "num_attention_heads", 1, 256);
  if (hiddenSize % heads !== 0)
    throw badConfig("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`, heads);
  integer(fields, "num_channels", 3, 3, 3);
  return {
    layers: integer(fields, "num_hidden_layers", 1, 128),
    hiddenSize,
    heads,
    headDim: hiddenSize / heads,
    patchSize: integer(fields, "patch_size", 1, 256),
  };
}

/**
 * The size that the graphs are built for, the checkpoint's own where none is asked for, and the grid of the checkpoint's
 * positions.
 * @throws KilotuneError `bad_config` where a side isn't a multiple of the patch size
 */
export function parseImageSize(fields: Fields, patchSize: number, wanted: ImageSize | undefined) {
  const given = fields.image_size;
  const [trainedHeight, trainedWidth] = (Array.isArray(given) ? given : [given, given]).map((side) =>
    integer({ image_size: side }, "image_size", patchSize, MAX_SIDE),
  ) as [number, number];
  const down = (side: number) => Math.floor(side / patchSize);
  const [height, width] = wanted ?? [down(trainedHeight) * patchSize, down(trainedWidth) * patchSize];
  for (const [name, side] of [
    ["height", height],
    ["width", width],
  ] as const) {
    if (Number.isInteger(side) && side >= patchSize && side <= MAX_SIDE && side % patchSize === 0) continue;
    const near = Math.min(Math.max(Math.round(side / patchSize), 1) * patchSize, MAX_SIDE);
    throw badConfig(`image ${name}`, `a multiple of the patch size ${patchSize}, such as ${near}`, side);
  }
  return { height, width, trainedGrid: [down(trainedHeight), down(trainedWidth)] as const };
}

/** Bounds what a file can make us allocate: 4,096 pixels a side are 65,000 patches of 16. */
const MAX_SIDE = 4096;

/** transformers' names of activations. */
export function parseActivation(fields: Fields, fallback: string): Activation {
  const name = fields.hidden_act ?? fallback;
  const found = typeof name === "string" ? ACTIVATIONS.get(name) : undefined;
  if (found === undefined) throw badConfig("hidden_act", [...ACTIVATIONS.keys()].join(", "), name);
  return found;
}

const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ["gelu", "gelu"],
  ["gelu_new", "gelu-tanh"],
  ["gelu_pytorch_tanh", "gelu-tanh"],
  ["quick_gelu", "gelu-sigmoid"],
  ["relu", "relu"],
  ["silu", "silu"],
  ["swish", "silu"],
]);
