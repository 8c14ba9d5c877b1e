import type { Tokenizer } from "@kilotune/backbone";
import type { Row } from "./assemble.ts";
import { bucketOf } from "./buckets.ts";
import type { PreparedPrompt } from "./prepare-prompt.ts";

/** A text, cut to what its prompt and the backbone read. Soft tokens take no position from it: its own count from 0. */
export function makeRow(text: string, prompt: PreparedPrompt | undefined, tokenizer: Tokenizer): Row {
  const encoded = tokenizer.encode(text);
  const maxTokens = Math.min(prompt?.maxTokens ?? tokenizer.maxTokens, tokenizer.maxTokens);
  const ids = cut(encoded.ids, maxTokens);
  return { ids, truncated: encoded.tokens > maxTokens, prompt, bucket: bucketOf(ids.length, prompt) };
}

/** As the tokenizer itself would: the frame of special tokens stays, one in front and one behind. */
function cut(ids: Int32Array, maxTokens: number): Int32Array {
  if (ids.length <= maxTokens) return ids;
  const kept = ids.slice(0, maxTokens);
  kept[maxTokens - 1] = ids.at(-1)!;
  return kept;
}
