import { type ErrorKind, KilotuneError, type LintIssue } from "@kilotune/contract";

/**
 * The server answered, but not with success. The subclasses are for what a caller does about it; `code` says exactly
 * what it was, `param` which field, `issues` which lines of a refused file.
 */
export class ApiError extends KilotuneError {
  readonly status: number;
  /** Finds the call in the server's log. */
  readonly requestId: string | null;
  /** Of `already_made`: the id of what an earlier try made, whose answer was lost. */
  readonly made: string | null;
  /** What the server asks to wait before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor({ status, code, message, requestId, ...rest }: Refusal) {
    super(
      code,
      message,
      status >= 500 && requestId !== null ? `The server's log has it as ${requestId}.` : "",
      {
        ...rest,
        kind: kindOf(status),
      },
    );
    this.status = status;
    this.requestId = requestId;
    this.made = rest.made;
    this.retryAfterMs = rest.retryAfterMs;
  }
}

export class BadRequestError extends ApiError {}
/** 401: the key is missing, wrong, expired or revoked. */
export class AuthenticationError extends ApiError {}
/** 403: the key hasn't the scope, or its tenant is suspended. */
export class PermissionDeniedError extends ApiError {}
export class NotFoundError extends ApiError {}
/** 409: somebody else is at it, a file or model is in use, or an earlier try made it (`made`). */
export class ConflictError extends ApiError {}
/** 412: the alias has moved since its ETag was read. */
export class PreconditionFailedError extends ApiError {}
export class UnprocessableEntityError extends ApiError {}
/** 429: a limit of the minute, a quota (never retried), or a full queue. */
export class RateLimitError extends ApiError {}
export class InternalServerError extends ApiError {}

/** There was no whole answer. `retryable` means that a repeat does no harm, not that nothing was done. */
export class ConnectionError extends KilotuneError {
  constructor(message: string, { code = "connection_failed", retryable = true } = {}) {
    super(code, message, "Check that the server is up and that this is its address.", {
      kind: "machine",
      retryable,
    });
  }
}

/** The answer didn't come, or stopped coming, within `timeoutMs`. */
export class TimeoutError extends ConnectionError {
  constructor(timeoutMs: number) {
    super(`Expected an answer within ${timeoutMs / 1000} s, saw none.`, { code: "timeout" });
  }
}

/** What the server said no with. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly made: string | null;
  readonly issues: readonly LintIssue[];
  readonly requestId: string | null;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
}

/** The class for its status. */
export function apiError(refusal: Refusal): ApiError {
  const Class = refusal.status >= 500 ? InternalServerError : (CLASSES[refusal.status] ?? ApiError);
  return new Class(refusal);
}

const CLASSES: Readonly<Record<number, typeof ApiError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  412: PreconditionFailedError,
  422: UnprocessableEntityError,
  429: RateLimitError,
};

function kindOf(status: number): ErrorKind {
  return status >= 500 || status === 408 || status === 429 ? "machine" : "input";
}
