import { KilotuneError } from "@kilotune/contract";
import type { Instructions } from "../text/sentence.ts";
import { badTokenizer } from "./bad-tokenizer.ts";
import { openTokenizer } from "./hugging-face.ts";
import { isBehindBlank, type WordSpan } from "./text-words.ts";

/** Turns texts into the ids that the backbone was trained on. Ids equal those of the Rust tokenizers. */
export interface Tokenizer {
  /** Longest output of `encode`, special tokens included. */
  readonly maxTokens: number;
  /** Every id is below this. */
  readonly vocabularySize: number;
  /** The special tokens around a text. */
  readonly specials: { readonly inFront: Int32Array; readonly behind: Int32Array };
  /**
   * @param instruction name of the one whose words go in front; default the backbone's own, where it has one
   * @throws KilotuneError `unknown_instruction`
   */
  encode(text: string, instruction?: string): Encoded;
  /** Two texts in one sequence, the default instruction in front of the first; where they don't fit, tokens go from the end of the longer one first. */
  encodePair(first: string, second: string): EncodedPair;
  /** A text by its words, such as `wordSpans` finds: each is cut into tokens by itself. What lies between isn't read. */
  encodeWords(text: string, words: readonly WordSpan[]): EncodedWords;
}

export interface Encoded {
  /** Special tokens included, at most maxTokens, not padded. */
  readonly ids: Int32Array;
  /** Tokens of the whole text before truncation, special tokens included. */
  readonly tokens: number;
  readonly truncated: boolean;
  /** How many of `tokens` are the unknown token. */
  readonly unknown: number;
}

export interface EncodedWords extends Encoded {
  /** Which of the ids each word begins with; -1 where it has none, or was cut off. */
  readonly firsts: Int32Array;
}

export interface EncodedPair extends Encoded {
  /** 0 or 1 for each id: which of the two texts it belongs to. */
  readonly typeIds: Int32Array;
}

/**
 * Builds a tokenizer from a checkpoint's parsed `tokenizer.json` and `tokenizer_config.json` (undefined where the
 * checkpoint has none). The truncation and padding that tokenizer.json may ask for are ignored: `maxTokens` decides
 * about the first, and the batcher pads.
 * @throws KilotuneError `bad_tokenizer`
 */
export function loadTokenizer(source: {
  tokenizerJson: unknown;
  tokenizerConfig: unknown;
  maxTokens: number;
  instructions?: Instructions;
}): Tokenizer {
  const { maxTokens, instructions } = source;
  const opened = openTokenizer(source.tokenizerJson, source.tokenizerConfig);
  const around = opened.addSpecials([], null).ids;
  const specialsOfOne = around.length;
  const specialsOfTwo = opened.addSpecials([], []).ids.length;
  if (!Number.isInteger(maxTokens) || maxTokens <= specialsOfTwo + 1) {
    throw badTokenizer(
      `room for two tokens besides ${specialsOfTwo} special ones`,
      `a limit of ${maxTokens}`,
    );
  }
  const specialsInFront = countInFront(opened);
  const isUnknown = (token: string) => token === opened.unknownToken;
  return {
    maxTokens,
    vocabularySize: opened.vocabularySize,
    specials: { inFront: around.slice(0, specialsInFront), behind: around.slice(specialsInFront) },
    encode(text, instruction) {
      const words = opened.split(inFrontOf(instructions, instruction) + text);
      const room = maxTokens - specialsOfOne;
      return {
        ids: opened.addSpecials(words.slice(0, room), null).ids,
        tokens: words.length + specialsOfOne,
        truncated: words.length > room,
        unknown: words.filter(isUnknown).length,
      };
    },
    encodeWords(text, words) {
      const room = maxTokens - specialsOfOne;
      const pieces = opened.split(inFrontOf(instructions));
      const firsts = Int32Array.from(words, (word) => {
        const own = opened.split(`${isBehindBlank(text, word) ? " " : ""}${text.slice(...word)}`);
        const first = pieces.length;
        for (const piece of own) pieces.push(piece);
        return own.length === 0 || first >= room ? -1 : specialsInFront + first;
      });
      return {
        ids: opened.addSpecials(pieces.slice(0, room), null).ids,
        firsts,
        tokens: pieces.length + specialsOfOne,
        truncated: pieces.length > room,
        unknown: pieces.filter(isUnknown).length,
      };
    },
    encodePair(first, second) {
      const [a, b] = [opened.split(inFrontOf(instructions) + first), opened.split(second)];
      const room = maxTokens - specialsOfTwo;
      const [keepA, keepB] = roomForTwo(a.length, b.length, room);
      return {
        ...opened.addSpecials(a.slice(0, keepA), b.slice(0, keepB)),
        tokens: a.length + b.length + specialsOfTwo,
        truncated: a.length + b.length > room,
        unknown: a.filter(isUnknown).length + b.filter(isUnknown).length,
      };
    },
  };
}

function inFrontOf(instructions: Instructions | undefined, wanted = instructions?.default): string {
  if (wanted === undefined) return "";
  const texts = instructions?.texts ?? {};
  if (Object.hasOwn(texts, wanted)) return texts[wanted] as string;
  throw new KilotuneError(
    "unknown_instruction",
    `expected the name of one of the backbone's instructions, saw ${JSON.stringify(wanted.slice(0, 80))}`,
    `It has ${Object.keys(texts).join(", ") || "none"}.`,
    { kind: "usage" },
  );
}

/** How many special tokens stand before a text's own. */
function countInFront({ addSpecials, split }: ReturnType<typeof openTokenizer>): number {
  const none = addSpecials([], null).ids;
  const some = addSpecials(split("a").slice(0, 1), null).ids;
  const differing = some.findIndex((id, at) => id !== none[at]);
  return Math.max(differing, 0);
}

/** The Rust tokenizers' "longest first": the shorter text stays whole while it takes no more than half the room. */
function roomForTwo(first: number, second: number, room: number): [first: number, second: number] {
  if (first + second <= room) return [first, second];
  const half = Math.floor(room / 2);
  if (first <= half) return [first, room - first];
  if (second <= half) return [room - second, second];
  // The odd token goes to the longer text, to the second one when they are equally long.
  return first > second ? [room - half, half] : [half, room - half];
}
