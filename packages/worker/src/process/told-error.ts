import { type ErrorKind, isCodedError, KilotuneError } from "@kilotune/contract";

/** An error as it crosses from process to process. */
export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly kind: ErrorKind;
  readonly retryable: boolean;
}

export function told(error: unknown): ToldError {
  if (isCodedError(error)) {
    const { code, message, hint, kind } = error;
    return { code, message, hint, kind, retryable: error.retryable === true };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "internal_error", message, hint: "", kind: "machine", retryable: false };
}

export function errorOf({ code, message, hint, kind, retryable }: ToldError): KilotuneError {
  return new KilotuneError(code, message, hint, { kind, retryable });
}
