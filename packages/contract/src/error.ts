import type { LintIssue } from "./lint.ts";

/**
 * The one error that users see. Told apart by `code`; `kind` decides the exit code of the command line and, later, the
 * HTTP status. The message says what was expected and what was seen, the hint what to try.
 */
export class KilotuneError extends Error {
  override readonly name = "KilotuneError";
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string;
  readonly retryable: boolean;
  /** The field of the request that is to blame, e.g. `training_file`. */
  readonly param: string | null;
  /** Of `invalid_training_file`: what the linter says. */
  readonly issues: readonly LintIssue[];

  constructor(
    code: string,
    message: string,
    hint: string,
    options: {
      kind?: ErrorKind;
      retryable?: boolean;
      param?: string | null;
      issues?: readonly LintIssue[];
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = options.kind ?? "input";
    this.hint = hint;
    this.retryable = options.retryable ?? false;
    this.param = options.param ?? null;
    this.issues = options.issues ?? [];
  }
}

/** input: the file or value given is bad. usage: the command was called wrongly. machine: network, disk, memory. */
export type ErrorKind = "input" | "usage" | "machine";

export type CodedError = Error &
  Pick<KilotuneError, "code" | "kind" | "hint"> &
  Partial<Pick<KilotuneError, "retryable" | "param" | "issues">>;

/** The same error, said otherwise: what stands in `said` is another's, all else its own. */
export function retold(
  error: CodedError,
  said: Partial<Pick<KilotuneError, "message" | "param" | "cause">>,
): KilotuneError {
  const { code, message, hint, kind, retryable = false, param = null, issues = [] } = error;
  return new KilotuneError(code, said.message ?? message, hint, {
    ...{ kind, retryable, param, issues, cause: error },
    ...said,
  });
}

/** Recognises our errors by shape, the engine's included: packages may be loaded twice, so `instanceof` won't do. */
export function isCodedError(error: unknown): error is CodedError {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    "kind" in error &&
    "hint" in error &&
    typeof error.hint === "string"
  );
}
