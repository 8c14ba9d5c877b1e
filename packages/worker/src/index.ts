export { backboneIdentity } from "./backbone-identity.ts";
export {
  COMPARED,
  type ComparedName,
  type CompareHooks,
  type CompareResult,
  type Comparison,
  leavesFile,
  runComparison,
} from "./compare/compare.ts";
export { evaluateImagePrompt } from "./evaluate-images.ts";
export { evaluatePrompt, evaluateTextPrompt, type TextEvaluation } from "./evaluate.ts";
export { fileSource } from "./file-source.ts";
export {
  type ImageRows,
  imageLines,
  imageRowsOf,
  imagesAt,
  type OpenImageRows,
} from "./images/image-source.ts";
export type {
  DataSource,
  ImageJob,
  JobEvent,
  JobHooks,
  JobResult,
  JobStage,
  PromptInit,
  TextJob,
  TuneJob,
} from "./job.ts";
export { childCompute, type ChildComputeOptions } from "./process/child-compute.ts";
export type { Parallel } from "./process/trials-in-children.ts";
export { runTask } from "./process/run-task.ts";
export type {
  AnswerTask,
  AnswerTaskResult,
  Compute,
  DataFile,
  TaskHooks,
  TrialTask,
  TuneTask,
  TuneTaskResult,
} from "./process/tasks.ts";
export { type Reproduction, type ReproducedFiles, reproducePrompt } from "./reproduce.ts";
export { runTuneJob } from "./run-tune-job.ts";
export { runSweep, type Sweep, type SweepHooks } from "./sweep.ts";
export type { Execution, StateContext } from "./states/context.ts";
export { removeJobBlobs } from "./states/job-blobs.ts";
export { parseExecution, type State } from "./states/state.ts";
export { JobStopped } from "./states/state-error.ts";
export { STATES } from "./states/states.ts";
export { type TuneJobDefinition, tuneJobDefinition } from "./workflow/definition.ts";
