/** What an encoder's graph needs to know, parsed from a checkpoint's `config.json` by its family. Nobody re-checks it. */
export interface TextConfig {
  readonly layers: number;
  /** Width H of the residual stream. */
  readonly hiddenSize: number;
  readonly heads: number;
  /** hiddenSize / heads, exactly. */
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  /** The longest sequence that the encoder can read, special tokens included. */
  readonly maxPositions: number;
  readonly typeVocabSize: number;
  readonly layerNormEpsilon: number;
  /** The exact, erf-based GELU; its tanh approximations give other numbers and are refused. */
  readonly activation: "gelu";
  readonly positions: "absolute";
  readonly padTokenId: number;
}
