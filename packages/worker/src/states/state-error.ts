import { isCodedError, type KilotuneError } from "@kilotune/contract";
import type { JobError } from "@kilotune/service";

/** How states end other than well. The state machine tells them apart by `name`, as Step Functions does with Lambda's. */

/** Nothing failed: the job was cancelled or paused, or its tenant is gone, or this machine shuts down. */
export class JobStopped extends Error {
  override readonly name = "JobStopped";
}

/** The job can't be done. The message is a `JobError` as JSON, since a message is all that reaches the next state. */
export class JobFailed extends Error {
  override readonly name = "JobFailed";

  constructor(error: JobError) {
    super(JSON.stringify(error));
  }
}

/** The machine's fault, and it may be gone in a moment: a full disk, a busy store. */
export class TryAgain extends Error {
  override readonly name = "TryAgain";

  constructor(error: JobError) {
    super(JSON.stringify(error));
  }
}

/** The process that did the work died. Its checkpoint is there. */
export class WorkerDied extends Error {
  override readonly name = "WorkerDied";

  /** How: a signal, or an exit code. */
  readonly seen: string;
  /** `complaints`: the end of what it wrote to stderr, for the operator. */
  readonly complaints: string;

  constructor(seen: string, complaints = "") {
    super(
      JSON.stringify({
        code: "worker_died",
        message: `The process that tuned ended before its work was done (${seen}), again and again.`,
        param: null,
      } satisfies JobError),
    );
    this.seen = seen;
    this.complaints = complaints;
  }
}

/** What the state machine is told of any error. */
export function asStateError(error: unknown, log: (error: unknown) => void): Error {
  if (error instanceof WorkerDied) log(error);
  if (error instanceof Error && STATE_ERRORS.has(error.name)) return error;
  if (isCodedError(error)) {
    const { code, message, hint } = error;
    const { retryable = false, param = null } = error as Partial<KilotuneError>;
    const told = TOLD.has(code) ? { code, message: `${message} ${hint}`, param } : UNFORESEEN;
    if (retryable) return new TryAgain(told);
    if (TOLD.has(code)) return new JobFailed(told);
  }
  log(error);
  return isDiskFull(error) ? new TryAgain(DISK_FULL) : new JobFailed(UNFORESEEN);
}

/** Of the machine's scratch folder: the store's own errors are coded. */
function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** Of the `Error` and `Cause` that a Catch hands on: ours, a Lambda's (JSON around ours), or the engine's own. */
export function jobErrorOf(
  failure: { readonly Error?: unknown; readonly Cause?: unknown } | undefined,
): JobError {
  if (failure?.Error === "States.Timeout")
    return { code: "timeout", message: "The job took longer than a job may.", param: null };
  let cause = parsed(failure?.Cause);
  if (typeof cause === "object" && cause !== null && "errorMessage" in cause)
    cause = parsed(cause.errorMessage);
  if (typeof cause !== "object" || cause === null) return UNFORESEEN;
  const { code, message, param = null } = cause as Partial<JobError>;
  if (typeof code !== "string" || typeof message !== "string") return UNFORESEEN;
  return { code, message, param };
}

function parsed(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : text;
  } catch {
    return undefined;
  }
}

const STATE_ERRORS = new Set(["JobStopped", "JobFailed", "TryAgain", "WorkerDied"]);

/** Codes whose words are the tenant's own: others may quote paths of this machine. */
const TOLD = new Set([
  "invalid_training_file",
  "not_found",
  "model_not_found",
  "backbone_mismatch",
  "prompt_too_long",
  "non_finite",
  "serving_mismatch",
  "backbone_replaced",
  "exceeded_quota",
  "bad_init",
  "too_few_groups",
  "diverged",
  "busy",
  "disk_full",
]);

const DISK_FULL: JobError = {
  code: "disk_full",
  message:
    "The machine that worked on the job had no room for its files. Tell whoever runs it, or use smaller files.",
  param: null,
};

const UNFORESEEN: JobError = {
  code: "internal_error",
  message: "The job failed for a reason that isn't in its files. The operator's log says more; try it again.",
  param: null,
};
