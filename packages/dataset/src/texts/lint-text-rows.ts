import type { Chunks } from "../decode-text.ts";
import type { LintedFile } from "../lint-file.ts";
import type { LinterOptions } from "../linter.ts";
import { readTextRows, type TextRowsOptions } from "./read-text-rows.ts";
import { createTextLinter } from "./text-linter.ts";
import type { RowOfTask, TextTask } from "./text-rows.ts";

export type LintTextRowsOptions<T extends TextTask> = LinterOptions<RowOfTask[T]> & TextRowsOptions<T>;

/** As `lintFile`, of any task's rows. */
export async function lintTextRows<T extends TextTask>(
  chunks: Chunks,
  options: LintTextRowsOptions<T>,
): Promise<LintedFile<RowOfTask[T]>> {
  const linter = createTextLinter(options.task, options);
  for await (const reading of readTextRows(chunks, options)) linter.add(reading);
  return { report: linter.report(), linter };
}

/** As `loadExamples`, of any task's rows. */
export async function loadTextRows<T extends TextTask>(
  chunks: Chunks,
  options: LintTextRowsOptions<T>,
): Promise<LintedFile<RowOfTask[T]> & { readonly rows: RowOfTask[T][] }> {
  const linter = createTextLinter(options.task, options);
  const rows: RowOfTask[T][] = [];
  for await (const reading of readTextRows(chunks, options)) {
    linter.add(reading);
    if (reading.kind === "row") rows.push(reading.row);
  }
  return { report: linter.report(), linter, rows };
}
