import type { LintIssue } from "@kilotune/contract";

export type Format = "jsonl" | "csv";

/** A row that can be used: text and label as written in the file, never trimmed or folded. */
export interface Example {
  readonly text: string;
  readonly label: string;
  /** 1-based line of the file on which the row starts. */
  readonly line: number;
}

/** What a reader says of a file, in file order: the rows that can be used, and why the others cannot. */
export type Reading<R = Example> = { readonly kind: "row"; readonly row: R } | Finding;

export interface Finding {
  readonly kind: "error" | "warning";
  readonly issue: LintIssue;
}

/** `line` and `column` as in LintIssue: 1-based, UTF-16 units, 0 where there is none. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export const WHOLE_FILE: Place = { line: 0, column: 0 };

export function errorAt(place: Place, code: string, message: string, hint: string): Finding {
  return { kind: "error", issue: { line: place.line, column: place.column, code, message, hint } };
}

export function warningAt(place: Place, code: string, message: string, hint: string): Finding {
  return { kind: "warning", issue: { line: place.line, column: place.column, code, message, hint } };
}
