import { LONGEST_PROMPT } from "@kilotune/prompt";
import { PREFIX_BUCKETS } from "../prefixes.ts";
import type { PreparedImagePrompt } from "./prepare-prompt.ts";

/**
 * How many slots beside the patches a row has. They follow from the row's own prompt, never from its neighbours: padded lengths
 * decide how ONNX Runtime splits its sums, so a row that is always padded alike always gets the same bits.
 */
export interface Slots {
  /** For soft tokens. */
  readonly soft: number;
  /** For key/value prefixes. */
  readonly prefix: number;
}

/** The least of both, so that short prompts of all methods, and heads without one, share a pass. */
export const LEAST: Slots = { soft: 8, prefix: PREFIX_BUCKETS[0] };

export function slotsOf({ prefix, soft }: Pick<PreparedImagePrompt, "prefix" | "soft">): Slots {
  return {
    soft: soft === undefined ? LEAST.soft : softBucket(soft.tokens)!,
    prefix: prefix?.slots ?? LEAST.prefix,
  };
}

/** undefined where they are more than any bucket. */
export function softBucket(tokens: number): number | undefined {
  return [LEAST.soft, 16, 32, 64, LONGEST_PROMPT].find((slots) => tokens <= slots);
}
