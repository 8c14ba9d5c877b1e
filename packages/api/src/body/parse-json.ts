import { KilotuneError } from "@kilotune/contract";

/**
 * A JSON text as a caller may send it: UTF-8, one value, no key `__proto__`.
 *
 * @throws KilotuneError `invalid_json`; it never quotes the text, as JSON.parse would
 */
export function parseJson(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  if (bytes.length === 0) throw invalid("The body is empty; expected JSON.");
  const text = decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const place = error instanceof Error ? /position \d+|line \d+ column \d+/.exec(error.message)?.[0] : "";
    throw invalid(`The body isn't JSON${place ? ` (at ${place})` : ""}.`);
  }
  // The check of the whole value is paid by bodies that could hold such a key alone.
  if (/__proto__|\\u005f/i.test(text) && hasProto(value)) throw invalid("A key may not be `__proto__`.");
  return { text, value };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("The body isn't UTF-8.");
  }
}

/** A loop, not a recursion: a body may be a million brackets deep. */
function hasProto(value: unknown): boolean {
  const waiting = [value];
  for (let next = waiting.pop(); waiting.length > 0 || next !== undefined; next = waiting.pop()) {
    if (typeof next !== "object" || next === null) continue;
    if (Object.hasOwn(next, "__proto__")) return true;
    waiting.push(...Object.values(next).filter((inner) => typeof inner === "object" && inner !== null));
  }
  return false;
}

function invalid(message: string): KilotuneError {
  return new KilotuneError("invalid_json", message, "Send one JSON value in UTF-8.");
}
