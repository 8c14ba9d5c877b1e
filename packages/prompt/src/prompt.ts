import type { HeadNumbers } from "@kilotune/heads";
import type { Method, PartOf } from "./manifest/methods.ts";
import type { AnyUse, Use } from "./manifest/uses.ts";
import type { SharedPart } from "./manifest.ts";

/**
 * What a tenant's tuning job learns: the numbers, and the manifest that says what they mean. Told apart by `method`, and by
 * `For`: its task and input.
 *
 * Letters of the shapes: L prompted layers, N heads, P prompt tokens, D head dimension, H hidden size, R rank, C classes.
 * All tensors are row-major.
 */
export type Prompt<For extends AnyUse = AnyUse> =
  | KvPrompt<For>
  | SoftPrompt<For>
  | LoraPrompt<For>
  | BiasPrompt<For>
  | ChannelsPrompt<For>
  | BorderPrompt<For>
  | HeadPrompt<For>;

export type TextClassifier = Prompt<Use<"textClassification">>;

/** Keys and values put before those of the input in L consecutive layers. */
export interface KvPrompt<For extends AnyUse = AnyUse> {
  readonly method: "kv";
  readonly manifest: ManifestOf<"kv", For>;
  readonly kv: KvPrefix;
  readonly head: HeadOf<For>;
}

/** Tokens put before those of a text, after the embeddings; beside an image's patches. */
export interface SoftPrompt<For extends AnyUse = AnyUse> {
  readonly method: "soft";
  readonly manifest: ManifestOf<"soft", For>;
  readonly soft: SoftTokens;
  readonly head: HeadOf<For>;
}

/** A product of two narrow matrices added to the queries, and one to the values, of L consecutive layers. */
export interface LoraPrompt<For extends AnyUse = AnyUse> {
  readonly method: "lora";
  readonly manifest: ManifestOf<"lora", For>;
  readonly lora: LoraFactors;
  readonly head: HeadOf<For>;
}

/** Added to biases of L consecutive layers, the last one included. */
export interface BiasPrompt<For extends AnyUse = AnyUse> {
  readonly method: "bias";
  readonly manifest: ManifestOf<"bias", For>;
  readonly bias: BiasDifferences;
  readonly head: HeadOf<For>;
}

/** On a convolutional graph: x becomes x (1 + scale) + shift, for each channel of its stages. */
export interface ChannelsPrompt<For extends AnyUse = AnyUse> {
  readonly method: "channels";
  readonly manifest: ManifestOf<"channels", For>;
  readonly channels: ChannelModulation;
  readonly head: HeadOf<For>;
}

/** Added to what a backbone of images is fed, along its edges. */
export interface BorderPrompt<For extends AnyUse = AnyUse> {
  readonly method: "border";
  readonly manifest: ManifestOf<"border", For>;
  readonly border: Border;
  readonly head: HeadOf<For>;
}

/** No prompt at all: a head on the plain backbone. */
export interface HeadPrompt<For extends AnyUse = AnyUse> {
  readonly method: "head";
  readonly manifest: ManifestOf<"head", For>;
  readonly head: HeadOf<For>;
}

export type ManifestOf<M extends Method, For extends AnyUse = AnyUse> = SharedPart & PartOf<M> & For;

export interface KvPrefix {
  /** [L, 2, N, P, D]; of the 2, the first is the keys. */
  readonly data: Float32Array;
  readonly layers: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
}

export interface SoftTokens {
  /** [P, H] */
  readonly data: Float32Array;
  readonly tokens: number;
  readonly hidden: number;
}

export interface LoraFactors {
  /** [L, 2, 2, R, H]: of queries, then of values, A [R, H] and B turned [R, H]. To a layer's input x [H] is added (x A^T) B. */
  readonly data: Float32Array;
  readonly layers: number;
  readonly rank: number;
  readonly hidden: number;
}

export interface BiasDifferences {
  /**
   * [L (3 H + W) + H]: of each layer what is added to the biases of its queries [H], of the attention's output [H], of the wide
   * product [W] (a gated one: both halves) and of the layer's output [H]; last, to that of the norm behind all layers [H].
   */
  readonly data: Float32Array;
  readonly layers: number;
  readonly width: number;
  readonly hidden: number;
}

export interface ChannelModulation {
  /** [2, K]: scales, then shifts. */
  readonly data: Float32Array;
  readonly channels: number;
}

export interface Border {
  /** [3, pixels], row by row of the image; in its deviations, as the preprocessing has it. */
  readonly data: Float32Array;
  /** In pixels. */
  readonly width: number;
}

export type HeadOf<For extends AnyUse> = For extends { task: "segmentation" | "detection" }
  ? PatchHead
  : For extends { task: "retrieval" }
    ? NoHead
    : For extends { input: "image" }
      ? CosineHead | LinearHead
      : Head;

/**
 * From one vector x [H] to logits [C], in the order of the manifest's labels: of a text or an image, or of each word of a
 * text. All but mlp read it at length one.
 */
export type Head = CosineHead | LinearHead | MlpHead;

/** scale * cosine(weight_c, x) */
export interface CosineHead {
  readonly kind: "cosine";
  /** [C, H] */
  readonly weight: Float32Array;
  readonly scale: number;
}

/** scale * (weight_c . x) + bias_c */
export interface LinearHead {
  readonly kind: "linear";
  /** [C, H] */
  readonly weight: Float32Array;
  /** [C] */
  readonly bias: Float32Array;
  readonly scale: number;
}

/** scale * (weight_c . tanh(dense x + denseBias)) + bias_c, x as it was pooled, of any length: BERT's pooler and classifier. */
export interface MlpHead {
  readonly kind: "mlp";
  /** [H, H] */
  readonly dense: Float32Array;
  /** [H] */
  readonly denseBias: Float32Array;
  /** [C, H] */
  readonly weight: Float32Array;
  /** [C] */
  readonly bias: Float32Array;
  readonly scale: number;
}

/** From an image's patches to a map or to boxes: see patch-spec.ts and @kilotune/heads. */
export interface PatchHead {
  readonly kind: "segmentation" | "detection";
  readonly numbers: HeadNumbers;
}

/** The backbone's own vector is the answer. */
export interface NoHead {
  readonly kind: "none";
}

/** A prompt as it lies on disk. */
export interface StoredPrompt<For extends AnyUse = AnyUse> {
  /** SHA-256 of the file: see prompt-id.ts. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly prompt: Prompt<For>;
}
