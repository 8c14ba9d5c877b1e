import { decodeLines } from "./decode-lines.ts";
import { TEXT_ROWS } from "./check-row.ts";
import type { Chunks } from "./decode-text.ts";
import { readCsv } from "./read-csv.ts";
import { readJsonl } from "./read-jsonl.ts";
import type { Reading } from "./reading.ts";

export type Format = "jsonl" | "csv";

/**
 * The rows of a file and what is wrong with the others, in one pass and bounded memory. Faults are data, never thrown;
 * after one that leaves nothing to read (binary, UTF-16, a line without end) the rest of `chunks` is not pulled.
 */
export function readExamples(
  chunks: Chunks,
  { format }: { readonly format: Format },
): AsyncGenerator<Reading> {
  const lines = decodeLines(chunks);
  return format === "csv" ? readCsv(lines) : readJsonl(lines, TEXT_ROWS);
}

/** By the name's ending: `.csv` and `.tsv` are CSV (the header tells the separator), all else JSONL. */
export function guessFormat(name: string): Format {
  return /\.(?:csv|tsv)$/i.test(name) ? "csv" : "jsonl";
}
