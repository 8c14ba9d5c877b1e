import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { type Chunks, decodeLines, MAX_TEXT_LENGTH } from "@kilotune/dataset";
import { printable } from "./terminal/printable.ts";

/** A text to classify. `prompt` is the path that its row names, if it names one. */
export interface TextRow {
  readonly text: string;
  readonly prompt?: string;
  /** Of the file, from 1; 0 for a text from the command line. */
  readonly line: number;
}

/** jsonl: {"text", "prompt"?} a line. auto: the same if the first line begins with "{", else each line is a text. */
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
    assertText(row.text, (message, hint) => fault("bad_text", name, at, message, hint));
    yield row;
  }
}

/** What the command line gives is held to the same rules, all of it before the first answer. */
export async function* rowsOfWords(texts: readonly string[]): AsyncGenerator<TextRow> {
  for (const text of texts)
    assertText(text, (message, hint) => new KilotuneError("bad_text", `TEXT: ${message}`, hint));
  for (const text of texts) yield { text, line: 0 };
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

const SHAPE = 'Write {"text": "..", "prompt": "FILE"}, where "prompt" is needed with several prompts only.';

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
  if (prompt === undefined) return { text, line: at };
  if (typeof prompt !== "string")
    throw fault("bad_prompt_path", name, at, 'expected "prompt" to be the path of a prompt', SHAPE);
  return { text, prompt, line: at };
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
