export { type ErrorKind, isCodedError, KilotuneError } from "./error.ts";
export type { LintIssue, LintReport } from "./lint.ts";
export type {
  Calibration,
  Candidate,
  CurvePoint,
  Evaluation,
  MethodName,
  Score,
  TuneReport,
  Verdict,
} from "./report.ts";
export {
  type AliasName,
  type BatchId,
  type CheckpointId,
  type EventId,
  type FileId,
  type JobId,
  type KeyId,
  PLATFORM,
  type PromptId,
  type TenantId,
  type TunedModelName,
} from "./ids.ts";
