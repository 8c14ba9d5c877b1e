import type { LintReport } from "@kilotune/contract";
import type { Chunks } from "./decode-text.ts";
import { createLinter, type Linter, type LinterOptions } from "./linter.ts";
import { type Format, readExamples } from "./read-examples.ts";
import type { Example } from "./reading.ts";

export type LintFileOptions = LinterOptions & { readonly format: Format };

export interface LintedFile {
  readonly report: LintReport;
  /** To lint the validation file `against`. */
  readonly linter: Linter;
}

/** Reads a file and keeps none of its rows: a million of them in bounded memory. */
export async function lintFile(chunks: Chunks, options: LintFileOptions): Promise<LintedFile> {
  const linter = createLinter(options);
  for await (const reading of readExamples(chunks, options)) linter.add(reading);
  return { report: linter.report(), linter };
}

/** Reads and lints a file in one pass and keeps the rows that can be used. Look at `report.errors` before using them. */
export async function loadExamples(
  chunks: Chunks,
  options: LintFileOptions,
): Promise<LintedFile & { readonly rows: Example[] }> {
  const linter = createLinter(options);
  const rows: Example[] = [];
  for await (const reading of readExamples(chunks, options)) {
    linter.add(reading);
    if (reading.kind === "row") rows.push(reading.row);
  }
  return { report: linter.report(), linter, rows };
}
