export { describeFault } from "./describe-fault.ts";
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
  idOf,
  type JobId,
  type KeyId,
  type PartId,
  PLATFORM,
  parseAliasName,
  parseId,
  parsePromptId,
  parseTenantId,
  parseTunedModelName,
  type PromptId,
  type TenantId,
  type TimeOrderedIds,
  type TunedModelName,
  type UploadId,
  ulidOf,
} from "./ids.ts";
export { TASKS, type TaskName } from "./task.ts";
export { bytesOfDataUrl, isDataUrl } from "./data-url.ts";
