declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `tn-` and 16 letters. Every call to the store begins with one. */
export type TenantId = Branded<"tenant">;
/** `file-` and a time-ordered 26-letter id, as all ids below with their own prefix: sorted by id is sorted by age. */
export type FileId = Branded<"file">;
/** `ftjob-..` */
export type JobId = Branded<"job">;
/** `ftevent-..` */
export type EventId = Branded<"event">;
/** `ftckpt-..` */
export type CheckpointId = Branded<"checkpoint">;
/** `key-..` */
export type KeyId = Branded<"key">;
/** `batch-..` */
export type BatchId = Branded<"batch">;
/** `upload-..` */
export type UploadId = Branded<"upload">;
/** `part-..` */
export type PartId = Branded<"part">;
/** SHA-256 of a prompt file, 64 hex digits. */
export type PromptId = Branded<"prompt">;
/** `ft:<backbone>:<tenant>:<suffix>:<id>` */
export type TunedModelName = Branded<"model">;
/** What a tenant calls a model: letters, digits, `.`, `_` and `-`, at most 64; no colon, so it is never a model's name. */
export type AliasName = Branded<"alias">;

/** The platform itself: its partition holds the list of tenants, the admin keys and the audit log. */
export const PLATFORM = "tn-platform" as TenantId;

/** The time-ordered ids by kind, to make and to parse. */
export interface TimeOrderedIds {
  readonly file: FileId;
  readonly job: JobId;
  readonly event: EventId;
  readonly checkpoint: CheckpointId;
  readonly key: KeyId;
  readonly batch: BatchId;
  readonly upload: UploadId;
  readonly part: PartId;
}

const PREFIXES: { readonly [Kind in keyof TimeOrderedIds]: string } = {
  file: "file-",
  job: "ftjob-",
  event: "ftevent-",
  checkpoint: "ftckpt-",
  key: "key-",
  batch: "batch-",
  upload: "upload-",
  part: "part-",
};

/** `ulid`: 26 lower-case letters and digits of Crockford's base 32, the first ten a time. */
export function idOf<Kind extends keyof TimeOrderedIds>(kind: Kind, ulid: string): TimeOrderedIds[Kind] {
  return `${PREFIXES[kind]}${ulid}` as TimeOrderedIds[Kind];
}

/** undefined where `text` is no id of this kind, by its letters alone. */
export function parseId<Kind extends keyof TimeOrderedIds>(
  kind: Kind,
  text: string,
): TimeOrderedIds[Kind] | undefined {
  const prefix = PREFIXES[kind];
  if (!text.startsWith(prefix) || !ULID.test(text.slice(prefix.length))) return undefined;
  return text as TimeOrderedIds[Kind];
}

/** Without its prefix. */
export function ulidOf(id: TimeOrderedIds[keyof TimeOrderedIds]): string {
  return id.slice(-26);
}

/** PLATFORM isn't one. */
export function parseTenantId(text: string): TenantId | undefined {
  return /^tn-[a-z]{16}$/.test(text) ? (text as TenantId) : undefined;
}

export function parsePromptId(text: string): PromptId | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? (text as PromptId) : undefined;
}

/** Not `.` or `..`: it stands in addresses. */
export function parseAliasName(text: string): AliasName | undefined {
  return /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/.test(text) ? (text as AliasName) : undefined;
}

/** A checkpoint's name ends in `:ckpt-step-<step>`. */
export function parseTunedModelName(text: string): TunedModelName | undefined {
  const name = /^ft:[a-z0-9._-]{1,64}:[a-z]{16}:[A-Za-z0-9._-]{0,64}:[a-z]{8}(?::ckpt-step-[0-9]{1,12})?$/;
  return name.test(text) ? (text as TunedModelName) : undefined;
}

const ULID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;
