import { inspect } from "node:util";
import { type ErrorKind, isCodedError, type LintIssue } from "@kilotune/contract";
import { issueLines } from "./lint-words.ts";
import { printable } from "./terminal/printable.ts";

/** 0 done, 1 the input is bad, 2 wrong usage, 3 the machine failed; 130 stopped by Ctrl-C, as shells have it. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Of a data set that a server refused: its bad lines. */
  readonly issues?: readonly LintIssue[];
}

/** The one place where errors become exit codes. */
export function failureOf(error: unknown): Failure {
  if (isCodedError(error)) {
    const { code, kind, message, hint } = error;
    const issues = "issues" in error && Array.isArray(error.issues) ? (error.issues as LintIssue[]) : [];
    const exitCode = code === "interrupted" ? 130 : EXIT_CODES[kind];
    return { exitCode, code, message, hint, ...(issues.length > 0 && { issues }) };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isSystemError(error)) {
    return {
      exitCode: 3,
      code: SYSTEM_CODES.get(error.code) ?? "machine_failed",
      message: `The machine refused: ${message}`,
      hint: "Check disk, memory and permissions, then run the command again.",
    };
  }
  return {
    exitCode: 3,
    code: "bug",
    message: `This is a bug in Kilotune: ${message}`,
    hint: "Run the command again with --debug and report what it prints.",
  };
}

/** What stderr is told. Messages may quote files, so nothing in them can steer the terminal. */
export function failureWords({ message, hint, issues = [] }: Failure): string {
  const words = [message, ...issueLines("error", issues, (_, text) => text), hint];
  return printable(words.filter(Boolean).join("\n"), 20_000);
}

/** For --debug: the stack, with every cause. */
export function failureTrace(error: unknown): string {
  return inspect(error, { depth: 6 });
}

const EXIT_CODES: Readonly<Record<ErrorKind, ExitCode>> = { input: 1, usage: 2, machine: 3 };

const SYSTEM_CODES: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "disk_full"],
  ["EDQUOT", "disk_full"],
  ["EACCES", "not_permitted"],
  ["EPERM", "not_permitted"],
  ["EROFS", "not_permitted"],
]);

/** Node's own: a call to the operating system failed. */
function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error;
}
