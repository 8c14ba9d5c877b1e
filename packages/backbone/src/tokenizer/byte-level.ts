import { LETTERS, NUMBERS, WHITE } from "./generated/rust-unicode.ts";

/**
 * GPT-2's splitting of a text into words, each with the space in front of it, written in the 256 letters that stand for bytes:
 * as the Rust tokenizers do, whose classes of characters are in our tables: an engine's own change with its version.
 * @param options tokenizer.json's
 */
export function byteLevelPreTokenizer(
  options: Readonly<Record<string, unknown>>,
): (text: string) => string[] {
  const { add_prefix_space: prefix = true, use_regex: splits = true } = options;
  return (text) => {
    const whole = prefix && text !== "" && !text.startsWith(" ") ? ` ${text}` : text;
    const words = splits ? (whole.match(WORDS) ?? []) : whole === "" ? [] : [whole];
    return words.map(inLetters);
  };
}

/** Half a surrogate pair becomes U+FFFD on its way into bytes. */
function inLetters(word: string): string {
  let letters = "";
  for (const byte of new TextEncoder().encode(word)) letters += BYTES[byte];
  return letters;
}

const WORDS = new RegExp(
  [
    "'s|'t|'re|'ve|'m|'ll|'d",
    ` ?[${LETTERS}]+`,
    ` ?[${NUMBERS}]+`,
    ` ?[^${WHITE}${LETTERS}${NUMBERS}]+`,
    `[${WHITE}]+(?![^${WHITE}])`,
    `[${WHITE}]+`,
  ].join("|"),
  "gu",
);

/** Printable bytes of Latin-1 are their own letters; the others are U+0100 and on, in order. */
const BYTES: readonly string[] = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();
