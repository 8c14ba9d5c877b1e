import { type Tokenizer, type WordSpan, wordSpans } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import type { Row } from "./assemble.ts";
import { bucketOf } from "./buckets.ts";
import type { PreparedPrompt } from "./prepare-prompt.ts";

export interface TextInput {
  readonly text: string;
  /** The second text, where the prompt was tuned on pairs. */
  readonly textPair?: string;
}

/**
 * A text, or a pair, cut to what its prompt and the backbone read. Soft tokens take no position from it: its own count from 0.
 * @throws KilotuneError `wrong_input` where a prompt of pairs is given one text, or the other way round
 */
export function makeRow(
  { text, textPair }: TextInput,
  prompt: PreparedPrompt | undefined,
  tokenizer: Tokenizer,
): Row {
  if ((textPair !== undefined) !== (prompt?.pairs ?? false)) throw wrongInput(textPair);
  const pair = textPair === undefined ? undefined : tokenizer.encodePair(text, textPair);
  const encoded = pair ?? tokenizer.encode(text);
  const maxTokens = Math.min(prompt?.maxTokens ?? tokenizer.maxTokens, tokenizer.maxTokens);
  const ids = cut(encoded.ids, maxTokens);
  return {
    ids,
    ...(pair && { typeIds: pair.typeIds }),
    truncated: encoded.tokens > maxTokens,
    prompt,
    bucket: bucketOf(ids.length, prompt),
  };
}

export interface WordRow extends Row {
  readonly words: readonly WordSpan[];
  /** Of each word the row's position of its first token, -1 where it has none or was cut off. */
  readonly wordPlaces: Int32Array;
}

/** One text by its words, each of which is answered. */
export function makeWordRow(text: string, prompt: PreparedPrompt, tokenizer: Tokenizer): WordRow {
  const words = wordSpans(text);
  const encoded = tokenizer.encodeWords(text, words);
  const maxTokens = Math.min(prompt.maxTokens, tokenizer.maxTokens);
  const ids = cut(encoded.ids, maxTokens);
  // The last token kept is the special one behind the text.
  const last = ids.length < encoded.ids.length ? maxTokens - 1 : ids.length;
  const start = prompt.place.start ?? 0;
  const wordPlaces = encoded.firsts.map((first) => (first < 0 || first >= last ? -1 : start + first));
  const truncated = encoded.tokens > maxTokens;
  return { ids, truncated, prompt, bucket: bucketOf(ids.length, prompt), words, wordPlaces };
}

/** As the tokenizer itself would: the frame of special tokens stays, one in front and one behind. */
function cut(ids: Int32Array, maxTokens: number): Int32Array {
  if (ids.length <= maxTokens) return ids;
  const kept = ids.slice(0, maxTokens);
  kept[maxTokens - 1] = ids.at(-1)!;
  return kept;
}

function wrongInput(textPair: string | undefined): KilotuneError {
  const [expected, seen] =
    textPair === undefined ? ["a pair of texts", "one text"] : ["one text", "a pair of texts"];
  return new KilotuneError(
    "wrong_input",
    `expected ${expected}, which the prompt was tuned on, but saw ${seen}`,
    textPair === undefined
      ? "Give the second text, too."
      : "Leave the second text away, or give another prompt.",
    { kind: "usage" },
  );
}
