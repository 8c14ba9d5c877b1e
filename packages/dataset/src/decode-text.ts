/** The bytes of a file, in one piece or as they come. Callers open files; nothing here knows a path. */
export type Chunks = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Why the bytes are no text. `wholeFile`: the fault has no line of its own. */
export interface TextFault {
  readonly code: "empty_file" | "utf16" | "binary" | "invalid_utf8" | "cut_line";
  readonly message: string;
  readonly hint: string;
  readonly wholeFile: boolean;
}

/**
 * Bytes to text, strictly UTF-8: pieces of non-empty text whose joining is the file without its byte order mark, and at
 * most one fault, which comes last. The text before a fault is given first, so that the caller can tell its line and
 * column. Memory is one piece of 64 KiB whatever the chunks' size.
 */
export async function* decodeText(chunks: Chunks): AsyncGenerator<string | TextFault> {
  let held: Uint8Array = NOTHING;
  let started = false;
  for await (const piece of piecesOf(chunks)) {
    const last = piece === null;
    let bytes = joined(held, piece ?? NOTHING);
    if (!started) {
      if (bytes.length < HEAD_BYTES && !last) {
        held = bytes.slice();
        continue;
      }
      const fault = faultOfHead(bytes);
      if (fault !== null) {
        yield fault;
        return;
      }
      bytes = withoutMark(bytes);
      started = true;
    }
    const { text, rest, fault } = decode(bytes, last);
    if (text !== "") yield text;
    if (fault !== null) {
      yield fault;
      return;
    }
    // A copy, here and above: some streams use their buffers again.
    held = rest.slice();
  }
}

const NOTHING = new Uint8Array(0);
const PIECE_BYTES = 65_536;
/** Enough for every byte order mark, the NUL pattern of UTF-16, and the signatures below. */
const HEAD_BYTES = 4;

/** Files that people upload by mistake, told by their first bytes, since "invalid UTF-8" would not help them. */
const SIGNATURES: readonly {
  readonly bytes: readonly number[];
  readonly name: string;
  readonly hint: string;
}[] = [
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    name: "a zip or an Excel file",
    hint: "Unzip it, or save the sheet as CSV UTF-8.",
  },
  { bytes: [0x1f, 0x8b], name: "a gzip file", hint: "Unpack it first: gunzip FILE." },
  { bytes: [0x25, 0x50, 0x44, 0x46], name: "a PDF", hint: "Export the rows as JSONL or CSV." },
  { bytes: [0x50, 0x41, 0x52, 0x31], name: "a Parquet file", hint: "Export the rows as JSONL or CSV." },
];

/** At most 64 KiB at a time; null ends them. */
async function* piecesOf(chunks: Chunks): AsyncGenerator<Uint8Array | null> {
  for await (const chunk of chunks instanceof Uint8Array ? [chunks] : chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
  yield null;
}

function faultOfHead(head: Uint8Array): TextFault | null {
  const [a = -1, b = -1, c = -1, d = -1] = head;
  if (head.length === 0)
    return wholeFile(
      "empty_file",
      "expected rows, seen a file of 0 bytes.",
      "Check that the file was written.",
    );
  const little = (a === 0xff && b === 0xfe) || (a > 0 && b === 0 && c !== 0 && d <= 0);
  const big = (a === 0xfe && b === 0xff) || (a === 0 && b > 0 && c <= 0 && d !== 0);
  if (little || big) {
    const seen = `UTF-16 (${little ? "little" : "big"} endian)`;
    return wholeFile(
      "utf16",
      `expected UTF-8, seen ${seen}.`,
      "Save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8.",
    );
  }
  const match = SIGNATURES.find(({ bytes }) => bytes.every((byte, i) => head[i] === byte));
  return match === undefined
    ? null
    : wholeFile("binary", `expected JSONL or CSV text, seen ${match.name}.`, match.hint);
}

function wholeFile(code: TextFault["code"], message: string, hint: string): TextFault {
  return { code, message, hint, wholeFile: true };
}

function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

interface Decoded {
  readonly text: string;
  /** Bytes of a character that the next piece completes. */
  readonly rest: Uint8Array;
  readonly fault: TextFault | null;
}

/** `ignoreBOM` keeps U+FEFF: the one at the file's start is gone already, any other belongs to the text. */
const UTF8 = { fatal: true, ignoreBOM: true };
const decoder = new TextDecoder("utf-8", UTF8);

function decode(bytes: Uint8Array, last: boolean): Decoded {
  const nul = bytes.indexOf(0);
  const end = nul >= 0 ? nul : bytes.length - unfinishedTail(bytes);
  const whole = bytes.subarray(0, end);
  const rest = nul >= 0 ? NOTHING : bytes.subarray(end);
  let text: string;
  try {
    text = decoder.decode(whole);
  } catch {
    return decodeUpToFault(whole);
  }
  if (nul >= 0) return { text, rest, fault: NUL_FAULT };
  return { text, rest, fault: last && rest.length > 0 ? CUT_FAULT : null };
}

const NUL_FAULT: TextFault = {
  code: "binary",
  message: "expected text, seen a NUL byte, so the file is binary.",
  hint: "Give JSONL or CSV in UTF-8; a NUL inside a JSON string is written \\u0000.",
  wholeFile: false,
};

const CUT_FAULT: TextFault = {
  code: "cut_line",
  message: "the file ends in the middle of a character, so it was cut or is not UTF-8.",
  hint: "Copy or export the file again, or save it as UTF-8.",
  wholeFile: false,
};

/** Byte by byte, since the decoder does not say where it failed. Once a file, over one piece. */
function decodeUpToFault(bytes: Uint8Array): Decoded {
  const slow = new TextDecoder("utf-8", UTF8);
  let text = "";
  let characterStart = 0;
  try {
    for (let i = 0; i < bytes.length; i++) {
      const character = slow.decode(bytes.subarray(i, i + 1), { stream: true });
      if (character === "") continue;
      text += character;
      characterStart = i + 1;
    }
  } catch {
    // The byte at which the character of the fault begins is known by now.
  }
  const seen = `0x${(bytes[characterStart] ?? 0).toString(16).toUpperCase().padStart(2, "0")}`;
  const fault: TextFault = {
    code: "invalid_utf8",
    message: `expected UTF-8, seen the byte ${seen} that begins no character.`,
    hint: "Save the file as UTF-8; files of older programs are often Windows-1252 (iconv -f WINDOWS-1252 -t UTF-8).",
    wholeFile: false,
  };
  return { text, rest: NOTHING, fault };
}

/** How many of the last bytes are a character's beginning without its end: 0 to 3. */
function unfinishedTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    // No character begins with these: held back, they would look like a cut.
    if (byte < 0xc2 || byte > 0xf4) return 0;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? back : 0;
  }
  return 0;
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
