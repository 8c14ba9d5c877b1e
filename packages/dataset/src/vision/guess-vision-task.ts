import { decodeLines } from "../decode-lines.ts";
import type { VisionTask } from "./image-rows.ts";
import { MAX_IMAGE_LINE_LENGTH } from "./read-image-rows.ts";

/**
 * What the rows of a JSONL file are about, by the keys of the first: a task of images, or null where it names no `image`.
 * `chunks` are all of the file's, those that were looked at included.
 */
export async function guessVisionTask(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly task: VisionTask | null; readonly chunks: AsyncGenerator<Uint8Array, void> }> {
  const source = chunks[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let seenBytes = 0;
  let solid = false;
  for (let isWhole = false; !isWhole && seenBytes <= MAX_IMAGE_LINE_LENGTH; ) {
    const { done, value } = await source.next();
    if (done) break;
    seen.push(value);
    seenBytes += value.length;
    const begins: number = solid ? 0 : value.findIndex((byte) => byte > SPACE);
    solid ||= begins >= 0;
    isWhole = solid && value.includes(LINE_FEED, begins);
  }
  async function* whole() {
    yield* seen;
    try {
      for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
    } finally {
      await source.return?.();
    }
  }
  return { task: taskOf(await firstLine(seen)), chunks: whole() };
}

async function firstLine(seen: readonly Uint8Array[]): Promise<string> {
  for await (const item of decodeLines(seen, MAX_IMAGE_LINE_LENGTH))
    if (item.kind !== "line" || item.text.trim() !== "") return item.kind === "line" ? item.text : "";
  return "";
}

function taskOf(line: string): VisionTask | null {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    // Of rows of images whose first is broken the reader of images has more to say.
    return /^\s*\{\s*"image"\s*:/.test(line) ? "classify" : null;
  }
  if (typeof row !== "object" || row === null || !Object.hasOwn(row, "image")) return null;
  if (Object.hasOwn(row, "objects")) return "detect";
  return Object.hasOwn(row, "mask") || Object.hasOwn(row, "segments") ? "segment" : "classify";
}

const LINE_FEED = 0x0a;
const SPACE = 0x20;
