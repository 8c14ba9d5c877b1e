import type { FileId, TenantId } from "@kilotune/contract";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

export interface File {
  readonly id: FileId;
  readonly bytes: number;
  readonly createdAt: UnixSeconds;
  readonly expiresAt: UnixSeconds | null;
  readonly filename: string;
  readonly purpose: FilePurpose;
}

/** `batch_output` is made by us alone. */
export type FilePurpose = "fine-tune" | "batch" | "batch_output" | "user_data";

export interface FileRequest {
  /** For people only: it never becomes a path. `.csv` and `.tsv` are read as CSV, all else as JSONL. At most 255 characters. */
  readonly filename: string;
  readonly purpose: string;
  /** 3,600 .. 2,592,000 after now. */
  readonly expiresAfterSeconds?: number;
  /** The `Idempotency-Key` header. Without it the same bytes, name and purpose within 15 minutes are the same file. */
  readonly idempotencyKey?: string;
}

/**
 * Reads the bytes once, at most 512 MB; linted meanwhile (`fine-tune`: rows; `batch`: requests), stored only where the
 * linter finds no error.
 *
 * @throws KilotuneError `invalid_training_file` with `issues`, `file_too_large`, `exceeded_quota`, `invalid_value`,
 * `idempotency_key_reused`; what `bytes` throws
 */
export function createFile(
  service: Service,
  tenant: TenantId,
  request: FileRequest,
  bytes: AsyncIterable<Uint8Array>,
): Promise<File> {
  return todo(service, tenant, request, bytes);
}

/** @throws KilotuneError `not_found` */
export function getFile(service: Service, tenant: TenantId, id: string): Promise<File> {
  return todo(service, tenant, id);
}

/** The newest first, as OpenAI's. */
export function listFiles(
  service: Service,
  tenant: TenantId,
  query?: PageQuery & { readonly purpose?: string },
): Promise<Page<File>> {
  return todo(service, tenant, query);
}

/** The bytes as they were sent. @throws KilotuneError `not_found` */
export function openFile(
  service: Service,
  tenant: TenantId,
  id: string,
): Promise<{ readonly file: File; readonly chunks: AsyncIterable<Uint8Array> }> {
  return todo(service, tenant, id);
}

/** Refused while a job that hasn't ended reads it. @throws KilotuneError `not_found`, `file_in_use` */
export function deleteFile(service: Service, tenant: TenantId, id: string): Promise<void> {
  return todo(service, tenant, id);
}
