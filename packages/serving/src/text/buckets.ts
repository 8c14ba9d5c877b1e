import { PREFIX_BUCKETS } from "../prefixes.ts";
import type { PreparedPrompt } from "./prepare-prompt.ts";

/**
 * The lengths that a row is padded to. They follow from the row alone, never from its neighbours: a padded length
 * decides how ONNX Runtime splits its sums, so a row that is always padded alike always gets the same bits.
 */
export interface Bucket {
  /** Positions of soft tokens and text. */
  readonly sequence: number;
  /** Slots for key/value prefixes; 0 on the plain backbone. */
  readonly prefix: number;
}

export function bucketOf(textTokens: number, prompt: PreparedPrompt | undefined): Bucket {
  if (prompt === undefined) return { sequence: sequenceBucket(textTokens), prefix: 0 };
  return {
    sequence: sequenceBucket((prompt.soft?.tokens ?? 0) + textTokens),
    // Soft and head prompts get the least slots, all masked, so that they run together with short prefixes.
    prefix: prompt.prefix?.slots ?? PREFIX_BUCKETS[0],
  };
}

/** Finer where texts are short, which most are: padding is work. */
export function sequenceBucket(tokens: number): number {
  const step = tokens <= 64 ? 8 : tokens <= 128 ? 16 : 32;
  return Math.max(1, Math.ceil(tokens / step)) * step;
}
