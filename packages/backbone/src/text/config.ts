import { badConfig, type Fields, integer } from "../config-fields.ts";
import type { EncoderSizes } from "../encoder/parts.ts";

/** What an encoder's graph needs to know, parsed from a checkpoint's `config.json` by its family. Nobody re-checks it. */
export interface TextConfig extends EncoderSizes {
  readonly intermediateSize: number;
  readonly vocabSize: number;
  /** The longest sequence that the encoder can read, special tokens included. */
  readonly maxPositions: number;
  /** 0: the family doesn't tell the two texts of a pair apart, but by what stands between them. */
  readonly typeVocabSize: number;
  /** The exact, erf-based GELU; its tanh approximations give other numbers and are refused. */
  readonly activation: "gelu";
  /** "gated": half of the wide layer, behind the GELU, times the other half (Shazeer, arXiv:2002.05202). */
  readonly mlp: "plain" | "gated";
  /** Norms stand behind each addition, as in BERT, or in front of what is added, and then behind the last layer, too. */
  readonly norms: "behind" | "in front";
  readonly positions: Positions;
  readonly padTokenId: number;
  /** A sentence's vector is the largest of each number among its tokens, not a weighted sum. */
  readonly maxPooling?: true;
}

/**
 * How the encoder knows where a token stands. absolute: a table is added to the embeddings. relative: besides, scores of
 * attention get a number by head and distance (Raffel et al., arXiv:1910.10683). rotary: queries and keys are turned by
 * their positions (Su et al., arXiv:2104.09864), in each layer in its own way.
 */
export type Positions =
  | { readonly kind: "absolute" }
  | { readonly kind: "relative" }
  | { readonly kind: "rotary"; readonly layers: readonly RotaryLayer[] };

export interface RotaryLayer {
  /** Base of the wave lengths. */
  readonly theta: number;
  /** How far a token sees to either side. Left out: everywhere. */
  readonly reach?: number;
}

/** Hidden size, heads and layers under the names that a family gives them. */
export function parseEncoderSizes(
  fields: Fields,
  names: { layers: string; hiddenSize: string; heads: string },
) {
  const hiddenSize = integer(fields, names.hiddenSize, 1, 16_384);
  const heads = integer(fields, names.heads, 1, 256);
  if (hiddenSize % heads !== 0)
    throw badConfig(names.heads, `a divisor of ${names.hiddenSize} ${hiddenSize}`, heads);
  return { layers: integer(fields, names.layers, 1, 128), hiddenSize, heads, headDim: hiddenSize / heads };
}
