import { KilotuneError } from "@kilotune/contract";
import { LONGEST_PROMPT } from "../caps.ts";
import type { Reading } from "../manifest/uses.ts";
import type { BaseModel } from "./base-model.ts";

type Pooling = Reading["pooling"];

/** The prompt itself as another system's file gives it, in our layout. */
export type ForeignPrompt =
  | {
      readonly method: "kv";
      /** [L, 2, N, P, D], all layers */
      readonly data: Float32Array;
      readonly tokens: number;
    }
  | {
      readonly method: "lora";
      /** [L, 2, 2, R, H], of the layers from `firstLayer` on */
      readonly data: Float32Array;
      readonly firstLayer: number;
      readonly layers: number;
      readonly rank: number;
    }
  | {
      readonly method: "soft";
      /** [P, H], behind the embeddings */
      readonly data: Float32Array;
      readonly tokens: number;
      readonly pooling: Pooling;
    };

/** Before anything is computed of so many tokens. @throws KilotuneError `prompt_too_long` */
export function assertLength(tokens: number, { about }: BaseModel): void {
  // Two positions for a text: what stands around it.
  const longest = Math.min(LONGEST_PROMPT, about.maxPositions - 2);
  if (tokens <= longest) return;
  throw new KilotuneError(
    "prompt_too_long",
    `expected a prompt of at most ${longest} tokens, saw ${tokens}`,
    "This backbone serves no longer ones: tune again with fewer tokens.",
  );
}
