import type { LintReport } from "@kilotune/contract";
import type { Chunks } from "./decode-text.ts";
import type { Linter, LinterOptions } from "./linter.ts";
import type { Example, Format } from "./reading.ts";
import { lintTextRows, loadTextRows } from "./texts/lint-text-rows.ts";

export type LintFileOptions = LinterOptions & { readonly format: Format };

export interface LintedFile<R = Example> {
  readonly report: LintReport;
  /** To lint the validation file `against`. */
  readonly linter: Linter<R>;
}

/** Reads a file of texts with a label each and keeps none of its rows: a million of them in bounded memory. */
export async function lintFile(chunks: Chunks, options: LintFileOptions): Promise<LintedFile> {
  return lintTextRows(chunks, { ...options, task: "classification" });
}

/** Reads and lints a file in one pass and keeps the rows that can be used. Look at `report.errors` before using them. */
export async function loadExamples(
  chunks: Chunks,
  options: LintFileOptions,
): Promise<LintedFile & { readonly rows: Example[] }> {
  return loadTextRows(chunks, { ...options, task: "classification" });
}
