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
