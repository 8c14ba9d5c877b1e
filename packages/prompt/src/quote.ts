/** A value from a file, fit for a message: on one line, short. */
export function quote(value: unknown): string {
  return printable(JSON.stringify(value) ?? "nothing");
}

/** Text that may hold pieces of a file: without what could steer a terminal, and short. */
export function printable(text: string, maxLength = 200): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength - 3)}...` : text;
  return short.replace(STEERING, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Controls, line and paragraph separators, marks that change the direction of writing. */
const STEERING = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;
