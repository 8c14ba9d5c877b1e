/**
 * Strangers' text, fit for a terminal: controls and marks that reorder a line are spelled out; line feeds stay. Cut to
 * `maxLength` UTF-16 units, never through a surrogate pair.
 */
export function printable(text: string, maxLength: number): string {
  const short =
    text.length <= maxLength
      ? text
      : `${text.slice(0, Math.max(0, maxLength - 1)).replace(/[\uD800-\uDBFF]$/, "")}…`;
  return short
    .toWellFormed()
    .replace(STEERING, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same on one line: for cells of a table. */
export function oneLine(text: string, maxLength: number): string {
  return printable(
    text
      .slice(0, 4 * maxLength + 100)
      .replace(/\s+/g, " ")
      .trim(),
    maxLength,
  );
}

/** All controls but the line feed, line separators, marks that change the direction of writing. */
const STEERING = /(?!\n)\p{Cc}|[\u2028-\u202E\u2066-\u2069]/gu;
