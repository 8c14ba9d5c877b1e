import { afterBlanks } from "./json-fault.ts";

export interface JsonKey {
  readonly key: string;
  /** UTF-16 units before the key's opening quote and before its value. */
  readonly keyOffset: number;
  readonly valueOffset: number;
}

/**
 * The keys of a JSON object as they stand in its source, repeated ones included: `JSON.parse` keeps only the last of
 * those and no positions. `text` must be valid JSON with an object at its top.
 */
export function topLevelKeys(text: string): JsonKey[] {
  const keys: JsonKey[] = [];
  let depth = 0;
  let keyComes = true;
  for (let at = 0; at < text.length; at++) {
    const unit = text[at];
    if (unit === '"') {
      const end = closingQuote(text, at);
      if (depth === 1 && keyComes) {
        const colon = afterBlanks(text, end + 1);
        keys.push({ key: keyOf(text, at, end), keyOffset: at, valueOffset: afterBlanks(text, colon + 1) });
        keyComes = false;
      }
      at = end;
    } else if (unit === "{" || unit === "[") depth++;
    else if (unit === "}" || unit === "]") depth--;
    else if (unit === "," && depth === 1) keyComes = true;
  }
  return keys;
}

function closingQuote(text: string, opening: number): number {
  for (let at = text.indexOf('"', opening + 1); ; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at;
  }
}

/** Only an escaped key needs decoding. */
function keyOf(text: string, opening: number, closing: number): string {
  const inner = text.slice(opening + 1, closing);
  return inner.includes("\\") ? (JSON.parse(`"${inner}"`) as string) : inner;
}
