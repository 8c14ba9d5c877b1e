import { createHash } from "node:crypto";
import { idOf, KilotuneError, type PartId, parseId, type TenantId, type UploadId } from "@kilotune/contract";
import { abandon, claimBlob, LEASE_MS } from "./claims.ts";
import type { Service, UnixSeconds } from "./context.ts";
import { createFile, type FileRequest } from "./create-file.ts";
import { invalidValue, notFound } from "./errors.ts";
import { deleteFile, type File } from "./files.ts";
import { isWritten, untilFresh } from "./fresh.ts";
import { PARTS, partPath, UPLOADS } from "./kinds.ts";
import { newUlid } from "./new-id.ts";
import { once, type Repeat } from "./once.ts";
import { notePending } from "./pending.ts";
import { outOfStorage, readLimits, readQuota } from "./quota.ts";
import type { Row } from "./table.ts";
import { nowSeconds } from "./time.ts";

/** A file that comes in parts, for lines that break. It is no file until it is completed. */
export interface Upload {
  readonly id: UploadId;
  readonly bytes: number;
  readonly createdAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  readonly filename: string;
  readonly purpose: string;
  readonly status: "pending" | "completed" | "cancelled" | "expired";
  readonly file: File | null;
}

export interface UploadRecord extends Omit<Upload, "status"> {
  readonly status: "pending" | "completed" | "cancelled";
  readonly expiresAfterSeconds: number | null;
  /** Of the parts so far. Twice `bytes` at most: a part whose answer was lost is sent again. */
  readonly received: number;
  readonly parts: number;
}

export interface UploadRequest extends Omit<FileRequest, "idempotencyKey"> {
  /** Of the whole file. */
  readonly bytes: number;
}

export interface UploadPart {
  readonly id: PartId;
  readonly upload: UploadId;
  readonly createdAt: UnixSeconds;
}

/**
 * Without an idempotency key the same request within 15 minutes is the same upload, as long as that one is open.
 *
 * @throws KilotuneError `invalid_value`, `exceeded_quota`, `idempotency_key_reused`
 */
export async function createUpload(
  service: Service,
  tenant: TenantId,
  request: UploadRequest,
  repeat: Repeat = { body: hashOf(request) },
): Promise<Upload> {
  const { bytes } = request;
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes > MAX_BYTES)
    throw invalidValue("bytes", "1 to 536,870,912", String(bytes));
  return once<Upload>(service, tenant, repeat, {
    isStillGood: ({ id }) => isOpen(service, tenant, id),
    async make(receipt) {
      await refuseWithoutRoom(service, tenant, bytes);
      const record = newUpload(service, request);
      const upload = asUpload(service, record);
      await service.records.write(tenant, [
        UPLOADS.put(record.id, record, "absent", endOf(record)),
        receipt(upload),
      ]);
      return upload;
    },
  });
}

function newUpload(
  service: Service,
  { bytes, filename, purpose, expiresAfterSeconds }: UploadRequest,
): UploadRecord {
  const createdAt = nowSeconds(service);
  return {
    id: idOf("upload", newUlid(service)),
    bytes,
    createdAt,
    expiresAt: createdAt + OPEN_SECONDS,
    filename,
    purpose,
    expiresAfterSeconds: expiresAfterSeconds ?? null,
    status: "pending",
    file: null,
    received: 0,
    parts: 0,
  };
}

/**
 * Parts may come at once and in any order; completing says theirs.
 *
 * @throws KilotuneError `not_found`, `invalid_upload` (ended, or too many bytes); what `chunks` throws
 */
export async function addUploadPart(
  service: Service,
  tenant: TenantId,
  upload: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<UploadPart> {
  const { value } = await openUpload(service, tenant, upload);
  const part = idOf("part", newUlid(service));
  const path = partPath(value.id, part);
  await notePending(service, tenant, "sweep");
  await claimBlob(service, tenant, path, part, LEASE_MS.upload);
  try {
    const { size } = await service.blobs.put(tenant, path, chunks);
    await untilFresh(async () => {
      const row = await openUpload(service, tenant, upload);
      const received = row.value.received + size;
      const parts = row.value.parts + 1;
      if (received > 2 * row.value.bytes) throw tooManyBytes(row.value.bytes);
      if (parts > MAX_PARTS) throw invalidUpload(`expected at most ${MAX_PARTS} parts, saw more.`);
      await service.records.write(tenant, [
        UPLOADS.put(row.id, { ...row.value, received, parts }, row, endOf(row.value)),
        PARTS.put(`${row.id}/${part}`, { bytes: size }, "absent", endOf(row.value)),
      ]);
    });
  } catch (error) {
    await abandon(service, tenant, path).catch(() => {});
    throw error;
  }
  return { id: part, upload: value.id, createdAt: nowSeconds(service) };
}

/**
 * Joins the parts in the order given to a file, linted like any. Again with the same upload answers the same file;
 * refused by the linter, the upload stays open.
 *
 * @throws KilotuneError `not_found`, `invalid_upload`; those of `createFile`
 */
export async function completeUpload(
  service: Service,
  tenant: TenantId,
  id: string,
  { partIds, md5 }: { readonly partIds: readonly string[]; readonly md5?: string },
): Promise<Upload> {
  const seen = await readUpload(service, tenant, id);
  if (seen.value.status === "completed") return asUpload(service, seen.value);
  const { value } = await openUpload(service, tenant, id);
  const parts = await partsOf(service, tenant, value, partIds);
  const { filename, purpose, expiresAfterSeconds } = value;
  const file = await createFile(
    service,
    tenant,
    {
      filename,
      purpose,
      idempotencyKey: value.id,
      ...(expiresAfterSeconds !== null && { expiresAfterSeconds }),
    },
    joined(service, tenant, value.id, parts, md5),
  );
  const completed = await untilFresh(async () => {
    const row = await readUpload(service, tenant, id);
    if (row.value.status !== "pending") return row.value;
    const next: UploadRecord = { ...row.value, status: "completed", file };
    await service.records.write(tenant, [UPLOADS.put(row.id, next, row, endOf(next))]);
    return next;
  });
  // Cancelled while it was being joined: the cancel was answered, so it holds.
  if (completed.status === "cancelled") await deleteFile(service, tenant, file.id);
  await removeParts(service, tenant, value.id);
  if (completed.status === "cancelled") throw ended("cancelled");
  return asUpload(service, completed);
}

/** Again is no error. @throws KilotuneError `not_found`, `invalid_upload` where it was completed */
export async function cancelUpload(service: Service, tenant: TenantId, id: string): Promise<Upload> {
  const cancelled = await untilFresh(async () => {
    const row = await readUpload(service, tenant, id);
    if (row.value.status === "completed") throw ended("completed");
    if (row.value.status === "cancelled") return row.value;
    const next: UploadRecord = { ...row.value, status: "cancelled" };
    await service.records.write(tenant, [UPLOADS.put(row.id, next, row, endOf(next))]);
    return next;
  });
  await removeParts(service, tenant, cancelled.id);
  return asUpload(service, cancelled);
}

/** Parts count as stored only once they are a file; what is announced is counted here, so that they can't pile up. */
async function refuseWithoutRoom(service: Service, tenant: TenantId, bytes: number): Promise<void> {
  const limits = await readLimits(service, tenant);
  const { quota } = await readQuota(service, tenant);
  let announced = quota.storedBytes + bytes;
  for await (const { value } of UPLOADS.all(service, tenant)) {
    if (value.status === "pending") announced += value.bytes;
  }
  if (announced > limits.storedBytes) throw outOfStorage(limits);
}

async function readUpload(service: Service, tenant: TenantId, id: string): Promise<Row<UploadRecord>> {
  const known = parseId("upload", id);
  const row = known && (await UPLOADS.read(service, tenant, known));
  if (row === undefined) throw notFound("upload");
  return row;
}

async function isOpen(service: Service, tenant: TenantId, id: UploadId): Promise<boolean> {
  const row = await UPLOADS.read(service, tenant, id);
  return row !== undefined && asUpload(service, row.value).status === "pending";
}

/** One that takes parts and can be completed. */
async function openUpload(service: Service, tenant: TenantId, id: string): Promise<Row<UploadRecord>> {
  const row = await readUpload(service, tenant, id);
  const { status } = asUpload(service, row.value);
  if (status !== "pending") throw ended(status);
  return row;
}

async function partsOf(
  service: Service,
  tenant: TenantId,
  upload: UploadRecord,
  partIds: readonly string[],
): Promise<PartId[]> {
  if (new Set(partIds).size !== partIds.length)
    throw invalidUpload("expected each part once, saw one twice.");
  const parts: PartId[] = [];
  let bytes = 0;
  for (const given of partIds) {
    const part = parseId("part", given);
    const row = part && (await PARTS.read(service, tenant, `${upload.id}/${part}`));
    if (part === undefined || row === undefined) throw notFound("part", "part_ids");
    parts.push(part);
    bytes += row.value.bytes;
  }
  if (bytes !== upload.bytes)
    throw invalidUpload(`expected parts of ${upload.bytes} bytes together, saw ${bytes}.`);
  return parts;
}

async function* joined(
  service: Service,
  tenant: TenantId,
  upload: UploadId,
  parts: readonly PartId[],
  md5: string | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("md5");
  for (const part of parts) {
    const blob = await service.blobs.open(tenant, partPath(upload, part));
    // Cancelled or swept since the line before.
    if (blob === undefined) throw notFound("part", "part_ids");
    for await (const chunk of blob.chunks) {
      hash.update(chunk);
      yield chunk;
    }
  }
  // Before the end: the file isn't kept where this throws.
  if (md5 !== undefined && hash.digest("hex") !== md5.toLowerCase())
    throw invalidUpload("expected the MD5 that was given, saw another.");
}

async function removeParts(service: Service, tenant: TenantId, upload: UploadId): Promise<void> {
  for await (const { id } of PARTS.all(service, tenant, { prefix: `${upload}/` })) {
    await abandon(service, tenant, partPath(upload, id.slice(upload.length + 1) as PartId));
    await isWritten(service, tenant, [PARTS.remove(id, "any")]);
  }
}

function asUpload(
  service: Service,
  { expiresAfterSeconds: _, received: __, parts: ___, ...upload }: UploadRecord,
): Upload {
  const late = upload.status === "pending" && upload.expiresAt <= nowSeconds(service);
  return late ? { ...upload, status: "expired" } : upload;
}

/** As long as its parts may be there: see `claimBlob`. Till then a late client hears what became of it. */
function endOf({ expiresAt }: Pick<UploadRecord, "expiresAt">): Date {
  return new Date((expiresAt + 6 * 3600) * 1000);
}

function ended(status: Upload["status"]): KilotuneError {
  return invalidUpload(`expected one that is pending, this one is ${status}.`);
}

function tooManyBytes(bytes: number): KilotuneError {
  return invalidUpload(`expected parts of ${bytes} bytes together, saw more.`);
}

function invalidUpload(what: string): KilotuneError {
  return new KilotuneError("invalid_upload", `The upload: ${what}`, "Begin a new one (POST /v1/uploads).");
}

const hashOf = (request: UploadRequest) =>
  createHash("sha256")
    .update(`upload\n${JSON.stringify(request)}`)
    .digest("hex");

const MAX_BYTES = 512 * 2 ** 20;
const MAX_PARTS = 10_000;
const OPEN_SECONDS = 3600;
