/** The most of a file's content that one quotation in a message shows: reports are logged, texts may be private. */
export const EXCERPT_LENGTH = 40;

/**
 * A label, key or character of the file in double quotes, at most 40 characters of it. Controls, invisible and
 * direction-changing characters are escaped, so that a message can neither move a terminal's cursor nor show two
 * different labels alike.
 */
export function excerpt(content: string): string {
  const short =
    content.length <= EXCERPT_LENGTH ? content : `${withoutHalfPair(content.slice(0, EXCERPT_LENGTH - 1))}…`;
  return JSON.stringify(short).replace(
    INVISIBLE,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** "1 row", "2 rows", "3 classes". */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

/** `"a", "b" and "c"`, of names of our own. */
export function quotedList(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}

// DEL and C1 controls, soft hyphen, combining marks that would sit on the quote before them, zero-width and
// direction marks, line separators, BOM. Ordinary blanks other than U+0020 look like it, so they count as invisible.
const INVISIBLE =
  /[\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]|[\u0300-\u036f]/g;

function withoutHalfPair(text: string): string {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text;
}
