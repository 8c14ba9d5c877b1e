/**
 * Makes a stranger's text safe to show: characters that reorder the text around them (bidirectional embeddings,
 * overrides and isolates) are spelled out, control characters, noncharacters and lone surrogates become U+FFFD. Tabs
 * and line feeds stay. Joiners and direction marks stay too, because emoji, Persian and Hebrew need them.
 */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u202A-\u202E\u2066-\u2069]/g, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase()}]`)
    .replace(/(?![\t\n])[\p{Cc}\p{Noncharacter_Code_Point}]/gu, "\uFFFD");
}

/** At most `maxLength` UTF-16 units of text, cut between graphemes and ended by an ellipsis where something was cut. */
export function clip(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // A look a little past the cut is enough to see whether a grapheme crosses it.
  const near = text.slice(0, maxLength + 64);
  const boundary = graphemes.segment(near).containing(maxLength - 1)?.index ?? 0;
  // Index 0: one "letter" under thousands of combining marks; any cut that splits no surrogate pair is right.
  return `${near.slice(0, boundary === 0 ? maxLength - 1 : boundary).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
