export { type AuditEntry, listAudit } from "./audit.ts";
export { authenticate, type Caller, requireScope } from "./authenticate.ts";
export {
  type Alias,
  type AliasExpectation,
  type AliasTarget,
  deleteAlias,
  getAlias,
  listAliases,
  putAlias,
  rollbackAlias,
} from "./aliases.ts";
export { addCheckpoint, type Checkpoint, listCheckpoints } from "./checkpoints.ts";
export type { Backbone, Page, PageQuery, Service, UnixSeconds } from "./context.ts";
export { deliverEvents } from "./deliver.ts";
export { type Erased, eraseTenant } from "./erase.ts";
export { type ExportEntry, exportTenant } from "./export.ts";
export {
  createFile,
  deleteFile,
  type File,
  type FilePurpose,
  type FileRequest,
  getFile,
  listFiles,
  openFile,
} from "./files.ts";
export { hasEnded, type Job, type JobError, type JobMethod, type JobStatus } from "./job.ts";
export { addJobEvent, type JobEvent, listJobEvents } from "./job-events.ts";
export { createJob, getJob, type JobRequest, listJobs } from "./jobs.ts";
export {
  createKey,
  type Key,
  type KeyRequest,
  listKeys,
  type NewKey,
  revokeKey,
  rotateKey,
  type Scope,
} from "./keys.ts";
export { deleteModel, getModel, listModels, openPrompt, type TunedModel } from "./models.ts";
export type { Repeat } from "./once.ts";
export { type Limits, limitsOf, PLANS, type PlanName } from "./plans.ts";
export { type RateAnswer, type RateState, takeRate } from "./rate-limit.ts";
export { type Resolved, resolveModel } from "./resolve.ts";
export { sweep } from "./retention.ts";
export {
  beginJob,
  finishJob,
  type JobOutcome,
  type Progress,
  queueJob,
  reportProgress,
} from "./run-job.ts";
export { cancelJob, pauseJob, restartJobs, resumeJob } from "./steer-job.ts";
export {
  createTenant,
  getTenant,
  listTenants,
  type Tenant,
  type TenantRequest,
  updateTenant,
} from "./tenants.ts";
export { type Usage, type UsageRow, getUsage, meter } from "./usage.ts";
export { getWebhook, removeWebhook, setWebhook, type WebhookEndpoint } from "./webhooks.ts";
