import { decodeLines, MAX_LINE_LENGTH } from "./decode-lines.ts";
import type { Chunks } from "./decode-text.ts";
import type { Format } from "./reading.ts";
import type { TextTask } from "./texts/text-rows.ts";
import type { VisionTask } from "./vision/image-rows.ts";
import { MAX_IMAGE_LINE_LENGTH } from "./vision/read-image-rows.ts";

/** What rows are about, and what for. */
export type RowsAre =
  | { readonly about: "images"; readonly task: VisionTask }
  | { readonly about: "texts"; readonly task: TextTask; readonly pairs: boolean };

/**
 * What the rows of a file are, by the keys of the first one, of CSV by its header; texts to classify where it doesn't say.
 * `chunks` are all of the file's, those that were looked at included.
 */
export async function guessRows(
  chunks: Chunks,
  format: Format = "jsonl",
): Promise<{ readonly rows: RowsAre; readonly chunks: AsyncGenerator<Uint8Array, void> }> {
  const source = streamOf(chunks)[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let seenBytes = 0;
  let solid = false;
  // A line longer than texts may be is only waited for where it can be an image's.
  const isLooking = () =>
    seenBytes <= MAX_LINE_LENGTH || (seenBytes <= MAX_IMAGE_LINE_LENGTH && isOfImage(seen));
  for (let isWhole = false; !isWhole && isLooking(); ) {
    const { done, value } = await source.next();
    if (done) break;
    // A copy: some streams use their buffers again.
    seen.push(new Uint8Array(value));
    seenBytes += value.length;
    const begins: number = solid ? 0 : value.findIndex((byte) => byte > SPACE);
    solid ||= begins >= 0;
    isWhole = solid && value.includes(LINE_FEED, begins);
  }
  async function* whole() {
    try {
      yield* seen;
      for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
    } finally {
      // Whoever stops early, even within what was looked at, lets go of the rest: a sender waits for it.
      await source.return?.();
    }
  }
  const line = await firstLine(seen);
  return { rows: format === "csv" ? rowsOfHeader(line) : rowsOf(line), chunks: whole() };
}

function streamOf(chunks: Chunks): AsyncIterable<Uint8Array> {
  if (Symbol.asyncIterator in chunks) return chunks;
  return (async function* () {
    if (chunks instanceof Uint8Array) yield chunks;
    else yield* chunks;
  })();
}

/** By the first bytes: rows that hold an image themselves name it before them. */
function isOfImage(seen: readonly Uint8Array[]): boolean {
  const decoder = new TextDecoder();
  let head = "";
  for (const piece of seen) {
    head += decoder.decode(piece.subarray(0, HEAD_LENGTH), { stream: true });
    if (head.length >= HEAD_LENGTH) break;
  }
  return /^\s*\{[^{]{0,1000}"image"\s*:/.test(head);
}

const HEAD_LENGTH = 4096;

async function firstLine(seen: readonly Uint8Array[]): Promise<string> {
  for await (const item of decodeLines(seen, MAX_IMAGE_LINE_LENGTH))
    if (item.kind !== "line" || item.text.trim() !== "") return item.kind === "line" ? item.text : "";
  return "";
}

function rowsOf(line: string): RowsAre {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    // Of rows of images whose first is broken the reader of images has more to say.
    return /^\s*\{\s*"image"\s*:/.test(line) ? { about: "images", task: "classify" } : SENTENCES;
  }
  if (typeof row !== "object" || row === null) return SENTENCES;
  const has = (...keys: readonly string[]) => keys.some((key) => Object.hasOwn(row, key));
  if (has("image"))
    return {
      about: "images",
      task: has("objects") ? "detect" : has("mask", "segments") ? "segment" : "classify",
    };
  return textRows(has);
}

/** As the reader of tables tells columns. */
function rowsOfHeader(line: string): RowsAre {
  const names = line.split(/[,;\t]/).map((name) =>
    name
      .trim()
      .replace(/^"(.*)"$/, "$1")
      .trim()
      .toLowerCase(),
  );
  const columns = (...keys: readonly string[]) => keys.some((key) => names.includes(key));
  // Tables have columns of all kinds beside those that count.
  const isPlain = columns("text") && columns("label");
  return isPlain
    ? { about: "texts", task: "classification", pairs: columns("text_pair") }
    : textRows(columns);
}

function textRows(has: (...keys: readonly string[]) => boolean): RowsAre {
  const task = TEXT_TASKS.find(([, ...keys]) => has(...keys))?.[0] ?? "classification";
  return { about: "texts", task, pairs: has("text_pair") };
}

const SENTENCES: RowsAre = { about: "texts", task: "classification", pairs: false };

/** Each with the keys that rows of no other task have. */
const TEXT_TASKS: readonly (readonly [TextTask, ...string[]])[] = [
  ["tagging", "tokens", "tags"],
  ["retrieval", "query", "positive"],
  ["multi_label", "labels"],
  ["regression", "value"],
];

const LINE_FEED = 0x0a;
const SPACE = 0x20;
