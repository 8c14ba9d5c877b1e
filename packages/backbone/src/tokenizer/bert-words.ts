import { BLANKED, DROPPED, IDEOGRAPHS, MARKS, PUNCTUATION, SPACES } from "./generated/rust-unicode.ts";
import { normalizeAsRust } from "./normal-forms.ts";

/**
 * BERT's text cleaning in the Rust tokenizers' order: drop control characters, set ideographs apart, strip accents,
 * lower the case. Character classes come from tables and not from `\p{..}`, so that a text has the same ids on every
 * JavaScript engine, whatever its Unicode version.
 * @param options tokenizer.json's; `strip_accents: null` means as `lowercase` says
 */
export function bertNormalizer(options: Readonly<Record<string, unknown>>): (text: string) => string {
  const {
    clean_text: clean,
    handle_chinese_chars: spread,
    lowercase: lower,
    strip_accents: accents,
  } = options;
  const strip = accents ?? lower;
  return (text) => {
    if (PRINTABLE_ASCII.test(text)) return lower ? text.toLowerCase() : text;
    // Half a surrogate pair becomes U+FFFD, as it would on its way into any file; cleaning then drops it.
    let normal = text.toWellFormed();
    if (clean) normal = normal.replace(ALL_DROPPED, "").replace(ALL_BLANKED, " ");
    if (spread) normal = normal.replace(ALL_IDEOGRAPHS, " $& ");
    if (strip) normal = normalizeAsRust(normal, "NFD").replace(ALL_MARKS, "");
    // JavaScript writes a word's last sigma as ς; Rust lowers each character for itself.
    return lower ? normal.replaceAll("Σ", "σ").toLowerCase() : normal;
  };
}

/** Words and single punctuation marks, in order. */
export function bertPreTokenizer(text: string): string[] {
  return text.match(ALL_WORDS) ?? [];
}

const PRINTABLE_ASCII = /^[ -~]*$/;
const ALL_DROPPED = new RegExp(`[${DROPPED}]`, "gu");
const ALL_BLANKED = new RegExp(`[${BLANKED}]`, "gu");
const ALL_IDEOGRAPHS = new RegExp(`[${IDEOGRAPHS}]`, "gu");
const ALL_MARKS = new RegExp(`[${MARKS}]`, "gu");
const ALL_WORDS = new RegExp(`[^${SPACES}${PUNCTUATION}]+|[${PUNCTUATION}]`, "gu");
