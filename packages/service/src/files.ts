import { type FileId, KilotuneError, parseId, type TenantId } from "@kilotune/contract";
import { audited } from "./audit.ts";
import { removeClaimed, toBeRemoved } from "./claims.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { FILES, type FileRecord, filePath } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { notePending } from "./pending.ts";
import { readQuota } from "./quota.ts";
import type { Row } from "./table.ts";
import { nowSeconds } from "./time.ts";

export interface File {
  readonly id: FileId;
  readonly bytes: number;
  readonly createdAt: UnixSeconds;
  readonly expiresAt: UnixSeconds | null;
  readonly filename: string;
  readonly purpose: FilePurpose;
}

/** `batch_output` and `fine-tune-results` are made by us alone. */
export type FilePurpose =
  | "fine-tune"
  | "fine-tune-results"
  | "batch"
  | "batch_output"
  | "vision"
  | "user_data";

/** @throws KilotuneError `not_found` */
export async function getFile(service: Service, tenant: TenantId, id: string): Promise<File> {
  return asFile((await readFile(service, tenant, id)).value);
}

/** The newest first, as OpenAI's. */
export function listFiles(
  service: Service,
  tenant: TenantId,
  query: PageQuery & { readonly purpose?: string } = {},
): Promise<Page<File>> {
  return listPage(service, tenant, FILES, query, {
    cursor: "file",
    newestFirst: true,
    view: ({ value }) =>
      hasExpired(service, value) || (query.purpose !== undefined && value.purpose !== query.purpose)
        ? undefined
        : asFile(value),
  });
}

/** The bytes as they were sent. @throws KilotuneError `not_found` */
export async function openFile(
  service: Service,
  tenant: TenantId,
  id: string,
): Promise<{ readonly file: File; readonly chunks: AsyncIterable<Uint8Array> }> {
  const { value } = await readFile(service, tenant, id);
  const blob = await service.blobs.open(tenant, filePath(value.id));
  // Deleted since the line before.
  if (blob === undefined) throw notFound("file");
  return { file: asFile(value), chunks: blob.chunks };
}

/** Refused while a job or batch that hasn't ended reads it. @throws KilotuneError `not_found`, `file_in_use` */
export async function deleteFile(service: Service, tenant: TenantId, id: string): Promise<void> {
  await untilFresh(async () => removeFile(service, tenant, await readFile(service, tenant, id)));
}

/** Also of a file that has expired. */
export async function removeFile(service: Service, tenant: TenantId, row: Row<FileRecord>): Promise<void> {
  const { id, readers, bytes } = row.value;
  if (readers.length > 0) throw inUse(readers);
  await notePending(service, tenant, "sweep");
  const { quota, becomes } = await readQuota(service, tenant);
  await service.records.write(tenant, [
    FILES.remove(id, row),
    becomes({ ...quota, storedBytes: quota.storedBytes - bytes }),
    toBeRemoved(service, filePath(id)),
    audited(service, "file.deleted", id, { bytes }),
  ]);
  await removeClaimed(service, tenant, filePath(id));
}

/** @throws KilotuneError `not_found` */
export async function readFile(
  service: Service,
  tenant: TenantId,
  id: string,
  param?: string,
): Promise<Row<FileRecord>> {
  const known = parseId("file", id);
  const row = known && (await FILES.read(service, tenant, known));
  if (row === undefined || hasExpired(service, row.value)) throw notFound("file", param);
  return row;
}

/** Who has begun may finish reading. */
export function hasExpired(service: Service, { expiresAt, readers }: FileRecord): boolean {
  return expiresAt !== null && expiresAt <= nowSeconds(service) && readers.length === 0;
}

export function asFile({ readers: _, ...file }: FileRecord): File {
  return file;
}

function inUse(readers: readonly string[]): KilotuneError {
  return new KilotuneError(
    "file_in_use",
    `The file is read by what hasn't ended: ${readers.join(", ")}.`,
    "Wait for the end, or cancel it.",
  );
}
