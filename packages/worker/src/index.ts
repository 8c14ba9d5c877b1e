export { backboneIdentity } from "./backbone-identity.ts";
export { evaluatePrompt } from "./evaluate.ts";
export { fileSource } from "./file-source.ts";
export type { DataSource, JobEvent, JobHooks, JobResult, JobStage, TuneJob } from "./job.ts";
export { runTuneJob } from "./run-tune-job.ts";
