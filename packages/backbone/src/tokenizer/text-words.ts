import { BLANKED, DROPPED, IDEOGRAPHS, PUNCTUATION, SPACES } from "./generated/rust-unicode.ts";

/** UTF-16 units of a text, the end one past the last. */
export type WordSpan = readonly [start: number, end: number];

/**
 * The words of a text: runs of letters and digits, single punctuation marks and ideographs, as BERT cuts them whatever the
 * backbone's tokenizer is, so that a tagged text has the same words on every backbone. Blanks and characters that no
 * tokenizer sees are in no word's beginning or end.
 */
export function wordSpans(text: string): WordSpan[] {
  return Array.from(text.matchAll(WORDS), ({ 0: word, index }) => [index, index + word.length] as const);
}

const APART = PUNCTUATION + IDEOGRAPHS;
const OUTSIDE = SPACES + BLANKED + DROPPED;
/** A run may hold unseen characters, such as the joiners within an emoji. */
const WORDS = new RegExp(`[${APART}]|[^${OUTSIDE}${APART}](?:[${DROPPED}]*[^${OUTSIDE}${APART}])*`, "gu");

/** Whether a blank stands before the word: some tokenizers have other pieces for words that begin there. */
export function isBehindBlank(text: string, [start]: WordSpan): boolean {
  return start > 0 && BLANK.test(text[start - 1] as string);
}

const BLANK = new RegExp(`[${BLANKED}]`, "u");
