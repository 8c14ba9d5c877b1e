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
/** SHA-256 of a prompt file, 64 hex digits. */
export type PromptId = Branded<"prompt">;
/** `ft:<backbone>:<tenant>:<suffix>:<id>` */
export type TunedModelName = Branded<"model">;
/** What a tenant calls a model: letters, digits, `.`, `_` and `-`, at most 64; no colon, so it is never a model's name. */
export type AliasName = Branded<"alias">;

/** The platform itself: its partition holds the list of tenants, the admin keys and the audit log. */
export const PLATFORM = "tn-platform" as TenantId;
