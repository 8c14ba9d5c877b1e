import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { type Chunks, decodeLines, MAX_TEXT_LENGTH } from "@kilotune/dataset";
import { printable } from "./terminal/printable.ts";

/** A text to classify. `prompt` is the path that its row names, if it names one. */
export interface TextRow {
  readonly text: string;
  /** The second text, where the prompt was tuned on pairs. */
  readonly textPair?: string;
  readonly prompt?: string;
  /** Of the file, from 1; 0 for a text from the command line. */
  readonly line: number;
}

/** jsonl: {"text", "text_pair"?, "prompt"?} a line. auto: the same if the first line begins with "{", else each line is a text. */
export type TextLayout = "jsonl" | "auto";

/**
 * Rows as they are read, in bounded memory. Blank lines are none. Stops at the first fault.
 *
 * @param name of the file, for messages
 * @throws KilotuneError with the line in its message
 */
export async function* readTexts(chunks: Chunks, layout: TextLayout, name: string): AsyncGenerator<TextRow> {
  let json = layout === "jsonl";
  let first = true;
  for await (const line of decodeLines(chunks)) {
    if (line.kind !== "line") {
      const { code, message, hint, line: at } = line.issue;
      throw fault(code, name, at, message, hint);
    }
    const { text, line: at } = line;
    if (text.trim() === "") continue;
    if (first && layout === "auto") json = text.trimStart().startsWith("{");
    first = false;
    const row = json ? parseRow(text, at, name) : { text, line: at };
    for (const each of [row.text, row.textPair])
      if (each !== undefined) assertText(each, (message, hint) => fault("bad_text", name, at, message, hint));
    yield row;
  }
}

/**
 * What the command line gives is held to the same rules, all of it before the first answer.
 * @param pairs each two of them are a row
 */
export async function* rowsOfWords(texts: readonly string[], pairs = false): AsyncGenerator<TextRow> {
  for (const text of texts)
    assertText(text, (message, hint) => new KilotuneError("bad_text", `TEXT: ${message}`, hint));
  if (!pairs) {
    for (const text of texts) yield { text, line: 0 };
    return;
  }
  if (texts.length % 2 === 1)
    throw new KilotuneError(
      "bad_text",
      `TEXT: expected two for each row, which the prompt was tuned on, but saw ${texts.length}`,
      "Give each text its second one behind it.",
    );
  for (let at = 0; at < texts.length; at += 2)
    yield { text: texts[at] as string, textPair: texts[at + 1] as string, line: 0 };
}

/**
 * Which of the prompts given answers a row. Only those: a path in a file is a stranger's, and opens nothing.
 *
 * @throws KilotuneError `bad_prompt_path`
 */
export function promptOf({ prompt, line }: TextRow, given: readonly string[]): string {
  const [first = ""] = given;
  if (prompt === undefined && given.length === 1) return first;
  const found = prompt && given.find((file) => path.resolve(file) === path.resolve(prompt));
  if (found) return found;
  const seen = prompt === undefined ? "none" : `"${printable(prompt, 200)}"`;
  throw new KilotuneError(
    "bad_prompt_path",
    `line ${line}: expected "prompt" to be one of ${given.map((file) => printable(file, 200)).join(", ")}, but saw ${seen}`,
    "Name each prompt with --prompt, and in each row the one that answers it.",
  );
}

/** Enough for full batches of every length; all that is held of a file. */
const CHUNK_ROWS = 256;

/** What was read before a bad row is answered first: its error then names the row at which to go on. */
export async function* chunksOf(rows: AsyncIterable<TextRow>): AsyncGenerator<TextRow[]> {
  let chunk: TextRow[] = [];
  let failure: { error: unknown } | undefined;
  try {
    for await (const row of rows) {
      chunk.push(row);
      if (chunk.length < CHUNK_ROWS) continue;
      yield chunk;
      chunk = [];
    }
  } catch (error) {
    failure = { error };
  }
  if (chunk.length > 0) yield chunk;
  if (failure !== undefined) throw failure.error;
}

const SHAPE =
  'Write {"text": "..", "prompt": "FILE"} and "text_pair" where the prompt is of pairs, where "prompt" is needed with several prompts only.';

function parseRow(line: string, at: number, name: string): TextRow {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (error) {
    throw fault(
      "bad_json",
      name,
      at,
      `expected JSON, but saw ${printable((error as Error).message, 200)}`,
      SHAPE,
    );
  }
  if (typeof row !== "object" || row === null || Array.isArray(row))
    throw fault("not_an_object", name, at, 'expected an object with "text", but saw another value', SHAPE);
  const text = Object.hasOwn(row, "text") ? (row as { text: unknown }).text : undefined;
  const prompt = Object.hasOwn(row, "prompt") ? (row as { prompt: unknown }).prompt : undefined;
  if (typeof text !== "string") throw fault("bad_text", name, at, 'expected "text" to be a string', SHAPE);
  const pair = Object.hasOwn(row, "text_pair") ? (row as { text_pair: unknown }).text_pair : undefined;
  if (pair !== undefined && typeof pair !== "string")
    throw fault("bad_text", name, at, 'expected "text_pair" to be a string', SHAPE);
  const own = { text, ...(pair !== undefined && { textPair: pair }), line: at };
  if (prompt === undefined) return own;
  if (typeof prompt !== "string")
    throw fault("bad_prompt_path", name, at, 'expected "prompt" to be the path of a prompt', SHAPE);
  return { ...own, prompt };
}

function assertText(text: string, refuse: (message: string, hint: string) => KilotuneError): void {
  if (text.trim() === "")
    throw refuse("expected a text with words in it, but saw only blanks", "Leave the row out.");
  if (text.length > MAX_TEXT_LENGTH)
    throw refuse(`expected at most ${MAX_TEXT_LENGTH} characters, but saw ${text.length}`, "Split the text.");
  if (!text.isWellFormed())
    throw refuse("expected whole characters, but saw half of a surrogate pair", "Export the text again.");
}

function fault(code: string, name: string, line: number, message: string, hint: string): KilotuneError {
  return new KilotuneError(
    code,
    `${printable(name, 500)}: ${line > 0 ? `line ${line}: ` : ""}${message}`,
    hint,
  );
}
