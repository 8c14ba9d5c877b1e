import type { PromptManifest } from "../manifest.ts";

type Pooling = NonNullable<PromptManifest["reading"]>["pooling"];

/** The prompt itself as another system's file gives it, in our layout. */
export type ForeignPrompt =
  | {
      readonly method: "kv";
      /** [L, 2, N, P, D], all layers */
      readonly data: Float32Array;
      readonly tokens: number;
    }
  | {
      readonly method: "soft";
      /** [P, H], behind the embeddings */
      readonly data: Float32Array;
      readonly tokens: number;
      readonly pooling: Pooling;
    };
