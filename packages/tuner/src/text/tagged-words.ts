import { type Tokenizer, type WordSpan, wordSpans } from "@kilotune/backbone";
import type { TagRow } from "@kilotune/dataset";

/** A tagged text as the backbone reads it. Its words are those that any text is cut into, so its own tokens may have several. */
export interface TaggedWords {
  readonly ids: Int32Array;
  /** Of each word its first token; -1 where it has none, or was cut off. */
  readonly firsts: Int32Array;
  readonly words: readonly WordSpan[];
  /** Of each word its tag: of a token's later words `I-name`. */
  readonly tags: readonly string[];
  /** Of each of the row's own tokens its first word; -1 where it has none. */
  readonly wordOfToken: Int32Array;
  readonly truncated: boolean;
}

export function taggedWords(tokenizer: Tokenizer, { text, tokens, tags }: TagRow): TaggedWords {
  const words: WordSpan[] = [];
  const ofWords: string[] = [];
  const wordOfToken = Int32Array.from(tokens, ([start, end], token) => {
    const own = wordSpans(text.slice(start, end));
    const first = words.length;
    const tag = tags[token] as string;
    own.forEach(([from, to], at) => {
      words.push([start + from, start + to]);
      ofWords.push(at > 0 && tag.startsWith("B-") ? `I-${tag.slice(2)}` : tag);
    });
    return own.length === 0 ? -1 : first;
  });
  const { ids, firsts, truncated } = tokenizer.encodeWords(text, words);
  return { ids, firsts, words, tags: ofWords, wordOfToken, truncated };
}

/** Tags of the words -> tags of the row's own tokens, "O" for one without a word. */
export function tagsOfTokens(wordOfToken: Int32Array, tags: readonly string[]): string[] {
  return Array.from(wordOfToken, (word) => (word < 0 ? "O" : (tags[word] ?? "O")));
}

/** All tags that words may have, sorted: of each name that begins a span also its `I-`. */
export function tagLabelsOf(rows: Iterable<{ readonly tags: readonly string[] }>): string[] {
  const labels = new Set(["O"]);
  for (const { tags } of rows)
    for (const tag of tags) {
      if (tag === "O") continue;
      labels.add(`B-${tag.slice(2)}`);
      labels.add(`I-${tag.slice(2)}`);
    }
  return [...labels].sort();
}
