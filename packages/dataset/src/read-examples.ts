import type { Chunks } from "./decode-text.ts";
import type { Format, Reading } from "./reading.ts";
import { readTextRows } from "./texts/read-text-rows.ts";

/**
 * The rows of a file and what is wrong with the others, in one pass and bounded memory. Faults are data, never thrown;
 * after one that leaves nothing to read (binary, UTF-16, a line without end) the rest of `chunks` is not pulled.
 */
export function readExamples(
  chunks: Chunks,
  { format }: { readonly format: Format },
): AsyncGenerator<Reading> {
  return readTextRows(chunks, { format, task: "classification" });
}

/** By the name's ending: `.csv` and `.tsv` are CSV (the header tells the separator), all else JSONL. */
export function guessFormat(name: string): Format {
  return /\.(?:csv|tsv)$/i.test(name) ? "csv" : "jsonl";
}
