/** A value from a file, fit for a message: in quotes, on one line, short. */
export function quote(value: string | number): string {
  return typeof value === "number" ? String(value) : printable(JSON.stringify(value));
}

/** Text that may hold pieces of a file: without what could steer a terminal, and short. */
export function printable(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 3)}...` : text;
  return short.replace(STEERING, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Two hashes of 64 digits and the words around them stay whole. */
const MAX_LENGTH = 200;

/** Controls, line and paragraph separators, marks that change the direction of writing. */
const STEERING = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;
