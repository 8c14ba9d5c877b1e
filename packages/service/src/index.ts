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
export { type AnswerImages, answerImages, type ImagePredictor } from "./answer-images.ts";
export { type AuditEntry, listAudit } from "./audit.ts";
export type { Batch, BatchEndpoint, BatchFault, BatchStatus } from "./batch.ts";
export { cancelBatch, getBatch, listBatches } from "./batches.ts";
export { authenticate, type Caller, requireScope } from "./authenticate.ts";
export { addCheckpoint, type Checkpoint, listCheckpoints, type NewCheckpoint } from "./checkpoints.ts";
export {
  type Backbone,
  type ImageLooks,
  methodsOf,
  type Page,
  type PageQuery,
  type Service,
  TUNED_TASKS,
  type UnixSeconds,
} from "./context.ts";
export { type BatchRequest, createBatch } from "./create-batch.ts";
export { createFile, type FileRequest, storeFile } from "./create-file.ts";
export { createJob } from "./create-job.ts";
export { type Deliveries, deliverEvents } from "./deliver.ts";
export { type Erased, eraseTenant } from "./erase.ts";
export { type ExportEntry, exportTenant } from "./export.ts";
export { adoptFirstAdminKey, newFirstAdminKey } from "./first-admin-key.ts";
export { deleteFile, type File, type FilePurpose, getFile, listFiles, openFile } from "./files.ts";
export { type AcceptPrompt, importPrompt } from "./import-prompt.ts";
export {
  type InferRequest,
  imagesAsked,
  inferLabels,
  inferMasks,
  inferNumbers,
  inferSpans,
  inferObjects,
  inferVectors,
  type Question,
  type Reply,
} from "./infer.ts";
export type {
  ClassifyAnswer,
  DetectedImage,
  EmbedAnswer,
  EmbedCall,
  EstimateAnswer,
  TagAnswer,
  TagCall,
  ImageCall,
  ImageInference,
  ImageSource,
  Inference,
  InferenceCall,
  LabelledImage,
  MaskFormat,
  SegmentedImage,
} from "./inference.ts";
export {
  hasEnded,
  type Job,
  type JobError,
  type JobInit,
  type JobMethod,
  type JobReparam,
  type JobScope,
  type JobStatus,
} from "./job.ts";
export { openNameless, orDiskFull } from "./held-file.ts";
export { addJobEvent, type JobEvent, listJobEvents, type NewJobEvent } from "./job-events.ts";
export { removeResults, storeResult } from "./job-results.ts";
export type { JobRequest } from "./job-request.ts";
export { getJob, listJobs } from "./jobs.ts";
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
export { deleteModel, getModel, listModels, type TunedModel } from "./models.ts";
export type { Repeat } from "./once.ts";
export type { SecretRepeat } from "./once-shown.ts";
export { type Limits, limitsOf, PLANS, type PlanName } from "./plans.ts";
export { promptPath } from "./kinds.ts";
export { lintImageFile } from "./lint-rows.ts";
export { openImages, readImage } from "./open-images.ts";
export { openPrompt } from "./prompts.ts";
export { type RateAnswer, type RateState, takeRate } from "./rate-limit.ts";
export { type Resolved, resolveModel } from "./resolve.ts";
export { type Swept, sweep } from "./retention.ts";
export { type BatchTools, runBatch } from "./run-batch.ts";
export {
  beginJob,
  beginTrial,
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
export {
  addUploadPart,
  cancelUpload,
  completeUpload,
  createUpload,
  type Upload,
  type UploadPart,
  type UploadRequest,
} from "./uploads.ts";
export { type Usage, type UsageRow, getUsage, meter } from "./usage.ts";
export { type SendWebhook, webhookSender } from "./send-webhook.ts";
export { getWebhook, removeWebhook, setWebhook, type WebhookEndpoint } from "./webhooks.ts";
