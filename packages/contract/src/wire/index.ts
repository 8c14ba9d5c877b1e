export { AliasDeleted, AliasObject, AliasPage, AliasPut } from "./aliases.ts";
export { AuditObject, AuditPage, AuditQuery } from "./audit.ts";
export { BackboneList, BackboneObject } from "./backbones.ts";
export { BatchCreate, BatchObject, BatchPage } from "./batches.ts";
export { ERROR_STATUS, type ErrorCode, errorType, statusOf } from "./error-status.ts";
export { ErrorBody } from "./errors.ts";
export {
  ExpiresAfter,
  FileDeleted,
  FileListQuery,
  FileName,
  FileObject,
  FilePage,
  FilePurpose,
  MAX_FILE_BYTES,
  UploadPurpose,
} from "./files.ts";
export { badField, invalidField } from "./invalid-field.ts";
export {
  ClassifyRequest,
  ClassifyResponse,
  EmbeddingsRequest,
  EmbeddingsResponse,
  EstimateRequest,
  EstimateResponse,
  type TextOrPair,
  MAX_INPUT_LENGTH,
  MAX_INPUTS,
  TagRequest,
  TagResponse,
} from "./inference.ts";
export {
  DetectRequest,
  DetectResponse,
  type ImageInput,
  MAX_DATA_URL_LENGTH,
  MAX_IMAGES,
  SegmentFormat,
  SegmentRequest,
  SegmentResponse,
  TOKENS_OF_IMAGE,
} from "./images.ts";
export {
  CheckpointObject,
  CheckpointPage,
  JobCreate,
  JobEventObject,
  JobEventPage,
  JobListQuery,
  JobObject,
  JobPage,
  JobStatus,
  Method,
  metadataFilter,
  Task,
} from "./jobs.ts";
export { KeyCreate, KeyObject, KeyPage, KeyRotate, NewKey, TenantScope } from "./keys.ts";
export { ModelDeleted, ModelList, ModelObject } from "./models.ts";
export { OrderedPageQuery, PageQuery, pageOf } from "./page.ts";
export { PromptList, PromptObject } from "./prompts.ts";
export {
  TenantCreate,
  TenantCreated,
  TenantDeleted,
  TenantObject,
  TenantPage,
  TenantUpdate,
} from "./tenants.ts";
export { MAX_PART_BYTES, UploadComplete, UploadCreate, UploadObject, UploadPartObject } from "./uploads.ts";
export { UsageList, UsageQuery } from "./usage.ts";
export { Suffix } from "./values.ts";
export { NewWebhook, WebhookDeleted, WebhookObject, WebhookPut } from "./webhooks.ts";
