export {
  ApiError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ConnectionError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  PreconditionFailedError,
  RateLimitError,
  TimeoutError,
  UnprocessableEntityError,
} from "./errors.ts";
export type { RequestOptions } from "./http/transport.ts";
export { Kilotune, type KilotuneOptions } from "./kilotune.ts";
export type { Listing, Page } from "./listing.ts";
export type { Alias, Precondition } from "./resources/aliases.ts";
export type { BatchWatchOptions } from "./resources/batches.ts";
export type { Source } from "./http/as-blob.ts";
export type { FileCreate } from "./resources/files.ts";
export type { Embeddings, EmbeddingsCall } from "./resources/inference.ts";
export type { ClassifyCall, DetectCall, Image, SegmentCall } from "./resources/images.ts";
export type { JobQuery, WatchOptions } from "./resources/jobs.ts";
export type { PromptImport } from "./resources/prompts.ts";
export type {
  AliasDeleted,
  AliasObject,
  AliasPut,
  AuditObject,
  BackboneObject,
  BatchCreate,
  BatchObject,
  CheckpointObject,
  ClassifyRequest,
  ClassifyResponse,
  DetectRequest,
  DetectResponse,
  FileDeleted,
  FileObject,
  FilePurpose,
  ImageInput,
  JobCreate,
  JobEventObject,
  JobObject,
  JobStatus,
  KeyCreate,
  KeyObject,
  KeyRotate,
  ModelDeleted,
  ModelObject,
  NewKey,
  NewWebhook,
  PromptObject,
  SegmentRequest,
  SegmentResponse,
  TenantCreate,
  TenantCreated,
  TenantDeleted,
  TenantObject,
  TenantScope,
  TenantUpdate,
  UploadComplete,
  UploadCreate,
  UploadObject,
  UploadPartObject,
  UploadPurpose,
  UsageList,
  UsageQuery,
  WebhookDeleted,
  WebhookObject,
} from "@kilotune/contract/wire";
