/** What the linter says of a data set. Errors stop a job, warnings don't. */
export interface LintReport {
  /** Rows that can be used. */
  readonly rows: number;
  /** Label -> rows, in order of first appearance. A Map, since a class may be named `__proto__`. */
  readonly labels: ReadonlyMap<string, number>;
  readonly errors: readonly LintIssue[];
  readonly warnings: readonly LintIssue[];
}

export interface LintIssue {
  /** 1-based line of the file; 0 where the issue is the whole file's. */
  readonly line: number;
  /** 1-based column in UTF-16 units; 0 where the issue is the whole line's. */
  readonly column: number;
  readonly code: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}
