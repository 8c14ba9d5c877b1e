import { badTokenizer } from "./bad-tokenizer.ts";

/**
 * SentencePiece's table of characters as tokenizer.json has it (`precompiled_charsmap`, in base64): a double-array trie (Yata
 * et al.) of UTF-8 byte strings, and behind it what is written instead of each. Applied as the Rust tokenizers do: to a whole
 * cluster of characters where it is shorter than six bytes and the table begins to know it, else to each character.
 * @throws KilotuneError `bad_tokenizer`
 */
export function precompiledNormalizer(charsmap: unknown): (text: string) => string {
  const find = readTable(charsmap);
  const known = new Map<string, string>();
  const replaced = (cluster: string): string => {
    const bytes = new TextEncoder().encode(cluster);
    const whole = bytes.length < 6 ? find(bytes) : undefined;
    if (whole !== undefined) return whole;
    return Array.from(cluster, (char) => find(new TextEncoder().encode(char)) ?? char).join("");
  };
  return (text) => {
    if (PLAIN.test(text)) return text;
    let normal = "";
    for (const cluster of clustersOf(text.toWellFormed())) {
      let written = known.get(cluster);
      if (written === undefined) {
        written = replaced(cluster);
        if (known.size < MOST_REMEMBERED) known.set(cluster, written);
      }
      normal += written;
    }
    return normal;
  };
}

/** Printable ASCII stands for itself in every table in use; looked up all the same where something else is beside it. */
const PLAIN = /^[ -~]*$/;

/** Of clusters: enough for the alphabets of a batch, and no leak for one that holds them all. */
const MOST_REMEMBERED = 20_000;

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });

function* clustersOf(text: string): Iterable<string> {
  for (const { segment } of SEGMENTER.segment(text)) yield segment;
}

/** Of some bytes: what is written instead of the shortest beginning that the table knows. */
function readTable(charsmap: unknown): (bytes: Uint8Array) => string | undefined {
  const what = "a precompiled_charsmap in base64";
  if (typeof charsmap !== "string") throw badTokenizer(what, typeof charsmap);
  const bytes = Uint8Array.from(atobOrThrow(charsmap, what), (char) => char.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const size = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length)
    throw badTokenizer(`${what} with a trie within its ${bytes.length} bytes`, `one of ${size} bytes`);
  const units = Uint32Array.from({ length: size / 4 }, (_, at) => view.getUint32(4 + 4 * at, true));
  const replacements = bytes.subarray(4 + size);
  return (key) => {
    let place = stepOf(units[0] as number);
    for (const byte of key) {
      if (byte === 0) return undefined;
      place ^= byte;
      const unit = units[place];
      // Past the end, or another byte's: the trie knows nothing that goes on like this.
      if (unit === undefined || (unit & 0x8000_00ff) !== byte) return undefined;
      place ^= stepOf(unit);
      if (((unit >>> 8) & 1) === 0) continue;
      const from = (units[place] ?? 0) & 0x7fff_ffff;
      const to = replacements.indexOf(0, from);
      return new TextDecoder().decode(replacements.subarray(from, to === -1 ? undefined : to));
    }
    return undefined;
  };
}

/** How far the children of a unit are from it. */
function stepOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function atobOrThrow(text: string, what: string): string {
  try {
    return atob(text);
  } catch (cause) {
    throw badTokenizer(what, `something else, of ${text.length} characters`, cause);
  }
}
