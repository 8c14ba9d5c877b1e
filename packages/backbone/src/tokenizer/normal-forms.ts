import { ORDERED } from "./generated/rust-unicode.ts";

/**
 * Unicode's normal forms as the Rust tokenizers have them, whose tables are older than any JavaScript engine's: a mark that
 * Unicode added later isn't set in order there, and what stands on either side of it isn't either.
 */
export function normalizeAsRust(text: string, form: "NFC" | "NFD" | "NFKC" | "NFKD"): string {
  if (!ALL_UNORDERED.test(text)) return text.normalize(form);
  const parts = text.split(UNORDERED);
  let normal = "";
  let run = "";
  for (const part of parts) {
    if (isOrderedHere(part)) {
      normal += run.normalize(form) + part;
      run = "";
    } else run += part;
  }
  return normal + run.normalize(form);
}

/** Of one mark: whether this engine moves it. */
function isOrderedHere(mark: string): boolean {
  if (!ALONE.test(mark) || mark.normalize("NFD") !== mark) return false;
  return [`a\u0345${mark}`, `a${mark}\u0334`].some((probe) => probe.normalize("NFD") !== probe);
}

const UNORDERED = new RegExp(`((?![${ORDERED}])\\p{M})`, "u");
const ALL_UNORDERED = new RegExp(`(?![${ORDERED}])\\p{M}`, "u");
const ALONE = new RegExp(`^(?![${ORDERED}])\\p{M}$`, "u");
