import {
  type Field,
  findingsOfLabel,
  findingsOfText,
  halfPair,
  kindOf,
  MAX_TEXT_LENGTH,
  type RowShape,
  rowUnless,
} from "../check-row.ts";
import { excerpt } from "../excerpt.ts";
import { errorAt, type Finding, type Place, warningAt } from "../reading.ts";
import type { Span, TagRow } from "./text-rows.ts";

export const TAG_ROWS: RowShape<TagRow> = {
  keys: ["text", "tokens", "tags"],
  example: '{"tokens": ["to", "Rome"], "tags": ["O", "B-city"]}',
  check(line, field) {
    const [text, tokens, tags] = [field("text"), field("tokens"), field("tags")];
    const findings = [...findingsOfTokens(tokens), ...findingsOfTags(tags)];
    if (text.value !== undefined) findings.push(...findingsOfText(text));
    if (findings.some(({ kind }) => kind === "error")) return findings;
    const words = tokens.value as string[];
    const written = (text.value as string | undefined) ?? words.join(" ");
    const spans = text.value === undefined ? inJoined(words) : locate(words, written);
    if (!Array.isArray(spans)) findings.push(notInText(tokens.place, words[spans.missing] as string));
    findings.push(...findingsOfBoth(words, tags, written));
    return rowUnless(findings, () => ({
      text: written,
      tokens: spans as Span[],
      tags: tags.value as string[],
      line,
    }));
  },
};

/** The name that a tag's span has, `null` of `O`. @throws Error for what isn't BIO: rows were checked before */
export function tagName(tag: string): string | null {
  if (tag === "O") return null;
  if (TAG.test(tag)) return tag.slice(2);
  throw new Error(`not a BIO tag: ${tag}`);
}

const TAG = /^[BI]-./s;

function findingsOfTokens({ value, place }: Field): Finding[] {
  const hint = 'Write "tokens": ["..", ".."], with as many "tags".';
  if (!Array.isArray(value)) {
    const seen = value === undefined ? "none" : kindOf(value);
    return [errorAt(place, "tokens_missing", `expected "tokens" to be an array, seen ${seen}.`, hint)];
  }
  if (value.length === 0) {
    const words = 'expected at least one token, seen "tokens": [].';
    return [errorAt(place, "tokens_empty", words, "Delete the row, or give its words.")];
  }
  const strange = value.findIndex((token) => typeof token !== "string");
  if (strange >= 0) {
    const message = `expected tokens to be strings, seen ${kindOf(value[strange])} as number ${strange + 1}.`;
    return [errorAt(place, "token_not_string", message, "Put each token in double quotes.")];
  }
  const tokens = value as string[];
  const blank = tokens.findIndex((token) => token.trim() === "");
  if (blank >= 0) {
    const message = `expected a token with a character in it, seen ${excerpt(tokens[blank] as string)} as number ${blank + 1}.`;
    return [errorAt(place, "token_empty", message, "Delete the token and its tag.")];
  }
  if (!tokens.every((token) => token.isWellFormed())) return [halfPair(place, "tokens")];
  const hidden = tokens.findIndex((token) => INVISIBLE.test(token));
  if (hidden < 0) return [];
  return [
    warningAt(
      place,
      "token_invisible",
      `token number ${hidden + 1} holds nothing but control characters, which the backbone does not see.`,
      "Delete the token and its tag.",
    ),
  ];
}

const INVISIBLE = /^[\p{Cc}\p{Cf}\s]+$/u;

/** Each tag by itself, and behind the one before it. */
function findingsOfTags({ value, place }: Field): Finding[] {
  const hint = 'Write one of "O", "B-name" and "I-name" for each token.';
  if (!Array.isArray(value)) {
    const seen = value === undefined ? "none" : kindOf(value);
    return [errorAt(place, "tags_missing", `expected "tags" to be an array, seen ${seen}.`, hint)];
  }
  let before: string | null = null;
  for (const [at, tag] of value.entries()) {
    if (typeof tag !== "string") {
      const message = `expected tags to be strings, seen ${kindOf(tag)} as number ${at + 1}.`;
      return [errorAt(place, "tag_not_string", message, "Put each tag in double quotes.")];
    }
    if (tag !== "O" && !TAG.test(tag)) {
      const other = /^[ESLU]-./.test(tag)
        ? " BIOES and BILOU are written otherwise: E- and L- as I-, S- and U- as B-."
        : "";
      const message = `expected "O", "B-name" or "I-name", seen ${excerpt(tag)} as tag number ${at + 1}.`;
      return [errorAt(place, "tag_format", message, hint + other)];
    }
    const name = tagName(tag);
    if (name !== null) {
      const faults = findingsOfLabel({ value: name, place });
      if (faults.length > 0) return faults;
    }
    if (tag.startsWith("I-") && name !== before) {
      const message = `expected B-${excerpt(name as string).slice(1, -1)} where a span begins, seen ${excerpt(tag)} behind ${before === null ? '"O"' : `a span of ${excerpt(before)}`} as tag number ${at + 1}.`;
      return [
        errorAt(
          place,
          "tag_transition",
          message,
          "Begin each span with B-; files in IOB1 must be converted first.",
        ),
      ];
    }
    before = name;
  }
  return [];
}

function findingsOfBoth(tokens: readonly string[], tags: Field, text: string): Finding[] {
  const seen = (tags.value as unknown[]).length;
  if (seen !== tokens.length) {
    const message = `expected ${tokens.length} tags, one a token, seen ${seen}.`;
    return [errorAt(tags.place, "tags_length", message, "Give each token one tag.")];
  }
  if (text.length <= MAX_TEXT_LENGTH) return [];
  const message = `expected a text of at most ${MAX_TEXT_LENGTH} characters, seen ${text.length}.`;
  return [errorAt(tags.place, "text_too_long", message, "Split the text between two spans.")];
}

function notInText(place: Place, token: string): Finding {
  return errorAt(
    place,
    "token_not_in_text",
    `expected the tokens in the order of the text with only blanks between, seen ${excerpt(token)} elsewhere.`,
    "Write tokens as they stand in the text, or leave the text out.",
  );
}

/** Where the tokens stand with a blank between each two. */
function inJoined(tokens: readonly string[]): Span[] {
  let start = 0;
  return tokens.map((token) => {
    const end = start + token.length;
    const span = [start, end] as const;
    start = end + 1;
    return span;
  });
}

/** Where the tokens stand in a text of the row's own, or the first that doesn't follow the one before it. */
function locate(tokens: readonly string[], text: string): Span[] | { readonly missing: number } {
  const spans: Span[] = [];
  let end = 0;
  for (const [at, token] of tokens.entries()) {
    BLANKS.lastIndex = end;
    const start = end + (BLANKS.exec(text)?.[0].length ?? 0);
    const found = text.indexOf(token, end);
    // Before `start`, where a token begins with blanks of its own.
    if (found < 0 || found > start) return { missing: at };
    end = found + token.length;
    spans.push([found, end]);
  }
  return spans;
}

const BLANKS = /\s*/y;
