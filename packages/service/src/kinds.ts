import type {
  BatchId,
  FileId,
  JobId,
  KeyId,
  PartId,
  PromptId,
  TunedModelName,
  UploadId,
} from "@kilotune/contract";
import type { Json } from "@kilotune/store";
import type { Alias } from "./aliases.ts";
import type { AuditEntry } from "./audit.ts";
import type { Batch, BatchStatus } from "./batch.ts";
import type { Checkpoint } from "./checkpoints.ts";
import type { File } from "./files.ts";
import { ADDED_TO_JOBS, type Job } from "./job.ts";
import type { JobEvent } from "./job-events.ts";
import type { Key } from "./keys.ts";
import { ADDED_TO_MODELS, type TunedModel } from "./models.ts";
import { table } from "./table.ts";
import type { Tenant } from "./tenants.ts";
import type { UploadRecord } from "./uploads.ts";
import type { WebhookEndpoint } from "./webhooks.ts";

/** Every kind of record there is: what it holds and how it is keyed. */

/** In PLATFORM, by tenant's id: authentication reads it, the platform lists it, and it outlives the tenant's own records. */
export const TENANTS = table<Tenant>("tenant");

/** In PLATFORM, `<errand>/<tenant>`: whom `restartJobs`, `deliverEvents` and `sweep` must see; `sweep` not before `dueAtMs`. */
export const PENDING = table<{ readonly sinceMs: number; readonly dueAtMs?: number }>("pending");

/** By key's id. A secret names its tenant and key, so that no index over all tenants is needed. */
export const KEYS = table<KeyRecord>("key");

export interface KeyRecord extends Key {
  /** Of the secret, as hex. */
  readonly sha256: string;
  /** Since it was rotated. */
  readonly successor?: KeyId;
}

/** By a ulid. */
export const AUDIT = table<Omit<AuditEntry, "id">>("audit");

/** `now`: one record, so that a quota and what it is of are written together. */
export const QUOTA = table<Quota>("quota");

export interface Quota {
  /** Those that haven't ended. */
  readonly jobs: readonly JobId[];
  readonly batches: readonly BatchId[];
  readonly storedBytes: number;
  /** Tuned models, and those that unfinished jobs will make. */
  readonly prompts: number;
  /** `2026-11` */
  readonly month: string;
  /** In that month. */
  readonly tuningMs: number;
}

/** `<minute>`. Counters, and so are those of `usage`. */
export const RATE = table<Readonly<Record<string, number>>>("rate");

/**
 * `<day>/<model>`: requests, tokens, images. `<day>/<model>/tuning`: tuningMs, `<day>/<model>/batch`: requests, tokens, images of batches;
 * apart since they are written together with what they are of.
 */
export const USAGE = table<Readonly<Record<string, number>>>("usage");

/** By a hash of route and key or body. */
export const ONCE = table<{ readonly body: string; readonly answer: Json }>("once");

/** By path: blobs that an upload or a deletion has in hand. What is left of them after a crash is swept. */
export const CLAIMS = table<Claim>("claim");

export interface Claim {
  readonly owner: string;
  readonly sweepAfterMs: number;
}

/** By file's id; its blob is `files/<id>`. */
export const FILES = table<FileRecord>("file");

export interface FileRecord extends File {
  /** Jobs and batches that read it and haven't ended. */
  readonly readers: readonly (JobId | BatchId)[];
}

/** By upload's id. */
export const UPLOADS = table<UploadRecord>("upload");

/** `<upload>/<part>`; its blob is `uploads/<upload>/<part>`, under a claim that nobody settles: an upload that nobody completes is swept. */
export const PARTS = table<{ readonly bytes: number }>("upload-part");

/** By job's id. */
export const JOBS = table<JobRecord>("job", () => ADDED_TO_JOBS);

export interface JobRecord extends Omit<Job, "tuningSeconds"> {
  /** The name that its model will have. */
  readonly reservedModel: TunedModelName;
  readonly tuningMs: number;
  /** Until when a running job is metered; null where it isn't at work. */
  readonly meteredAtMs: number | null;
}

/** By batch's id. */
export const BATCHES = table<BatchRecord>("batch");

export interface BatchRecord extends Batch {
  readonly outputExpiresAfterSeconds: number | null;
  /** Lines of the input that are done: up to this one, included. */
  readonly doneLines: number;
  readonly pieces: number;
  /** Of the pieces: they count as stored until they are files. */
  readonly pieceBytes: number;
  /** What comes of it once it is final. */
  readonly outcome: (BatchStatus & ("completed" | "expired" | "failed")) | null;
}

/** `<batch>/<number, 6 digits>`: answers that count, with their blobs `batches/<batch>/<name>.output` and `.error`. */
export const BATCH_PIECES = table<BatchPiece>("batch-piece");

export interface BatchPiece {
  /** Of whoever answered it: a second one who comes too late overwrites nothing. */
  readonly name: string;
}

/** `<job>/<ulid of the event>`, so that one prefix lists a job's. */
export const EVENTS = table<JobEvent>("event");

/** `<job>/<ulid of the checkpoint>`. */
export const CHECKPOINTS = table<Checkpoint>("checkpoint");

/** By name. Checkpoints have a kind of their own, so that they aren't listed among models. */
export const MODELS = table<ModelRecord>("model", () => ADDED_TO_MODELS);
export const CHECKPOINT_MODELS = table<ModelRecord>("checkpoint-model", () => ADDED_TO_MODELS);

export interface ModelRecord extends TunedModel {
  /** Those that point to it. */
  readonly aliases: readonly string[];
  /** Of a checkpoint: the key of its record. */
  readonly checkpoint?: string;
}

/** By SHA-256; its blob is `prompts/<sha256>.safetensors`. There as long as a model or checkpoint points to it. */
export const PROMPTS = table<{ readonly id: PromptId; readonly sizeBytes: number; readonly models: number }>(
  "prompt",
);

/** By name. */
export const ALIASES = table<Alias>("alias");

/** `endpoint`. The secret is kept as it is: signing needs it. */
export const WEBHOOKS = table<WebhookEndpoint & { readonly secret: string }>("webhook");

/** By a ulid: events to be delivered. */
export const OUTBOX = table<OutboxRecord>("outbox", ({ job }) => ({ subject: job as JobId }));

export interface OutboxRecord {
  readonly type: string;
  readonly createdAt: number;
  readonly subject: JobId | BatchId;
  /** Begun. */
  readonly attempts: number;
  readonly dueAtMs: number;
}

export const partPath = (upload: UploadId, part: PartId) => `uploads/${upload}/${part}`;
export const filePath = (id: FileId) => `files/${id}`;
export const promptPath = (id: PromptId) => `prompts/${id}.safetensors`;
