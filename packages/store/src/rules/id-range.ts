import type { PageRequest } from "../ports/records.ts";

/**
 * The ids that a page may hold, as bounds that may be compared byte by byte, both inclusive. No id equals either bound
 * where that one must be left out: ids are of `!` to `~`, and the bounds end in a character just outside.
 */
export function idRange({ after, prefix = "", order = "asc" }: PageRequest): {
  readonly from: string;
  readonly to: string;
} {
  const last = prefix + ABOVE;
  if (after === undefined) return { from: prefix, to: last };
  return order === "asc"
    ? { from: larger(prefix, after + BELOW), to: last }
    : { from: prefix, to: smaller(last, justBelow(after)) };
}

const BELOW = " ";
const ABOVE = "\u007f";

/** Above every id that sorts before this one, below this one. */
function justBelow(id: string): string {
  const last = id.length - 1;
  return id.slice(0, last) + String.fromCharCode(id.charCodeAt(last) - 1) + ABOVE;
}

const larger = (a: string, b: string) => (a > b ? a : b);
const smaller = (a: string, b: string) => (a < b ? a : b);
