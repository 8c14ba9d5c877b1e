/**
 * An error that a caller can tell apart by `code`. `kind` says who can mend it: the giver of the input, or whoever
 * runs the machine. The same four fields are on every error of the product (see contract's KilotuneError); the
 * engine depends on no package of ours, so it has a class of its own.
 */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  readonly kind: "input" | "machine";
  /** What to try, in one sentence. */
  readonly hint: string;
  readonly retryable = false;

  constructor(
    code: EngineErrorCode,
    message: string,
    hint: string,
    options: { kind?: "input" | "machine"; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = options.kind ?? "input";
    this.hint = hint;
  }
}

export type EngineErrorCode =
  | "bad_safetensors"
  | "bad_onnx"
  | "non_finite"
  | "shape_mismatch"
  | "unsupported_op"
  | "not_differentiable"
  | "missing_input"
  | "session_failed"
  | "device_unavailable";
