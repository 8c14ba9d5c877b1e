import type { PromptManifest } from "./manifest.ts";

/**
 * What a tenant's tuning job learns: the numbers, and the manifest that says what they mean. Told apart by `method`.
 *
 * Letters of the shapes: L prompted layers, N heads, P prompt tokens, D head dimension, H hidden size, C classes.
 * All tensors are row-major.
 */
export type Prompt = KvPrompt | SoftPrompt | HeadPrompt;

/** Keys and values put before those of the text in L consecutive layers. */
export interface KvPrompt {
  readonly method: "kv";
  readonly manifest: ManifestOf<"kv">;
  readonly kv: KvPrefix;
  readonly head: Head;
}

/** Tokens put before those of the text, after the embeddings. */
export interface SoftPrompt {
  readonly method: "soft";
  readonly manifest: ManifestOf<"soft">;
  readonly soft: SoftTokens;
  readonly head: Head;
}

/** No prompt at all: a head on the plain backbone's sentence vectors. */
export interface HeadPrompt {
  readonly method: "head";
  readonly manifest: ManifestOf<"head">;
  readonly head: Head;
}

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

/** From a sentence vector x [H] to logits [C], in the order of the manifest's labels. All but mlp read it at length one. */
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

export type ManifestOf<Method extends PromptManifest["method"]> = Extract<PromptManifest, { method: Method }>;

/** A prompt as it lies on disk. */
export interface StoredPrompt {
  /** SHA-256 of the file: see prompt-id.ts. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly prompt: Prompt;
}
