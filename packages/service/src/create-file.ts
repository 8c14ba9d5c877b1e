import { createHash } from "node:crypto";
import { idOf, type JobId, KilotuneError, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { audited } from "./audit.ts";
import { jobEnded, readJob } from "./change-job.ts";
import { abandon, claimBlob, LEASE_MS, settled } from "./claims.ts";
import type { Service } from "./context.ts";
import { invalidValue } from "./errors.ts";
import { asFile, type File, type FilePurpose, hasExpired } from "./files.ts";
import { hasEnded } from "./job.ts";
import { FILES, type FileRecord, filePath, JOBS } from "./kinds.ts";
import { lintBatch } from "./lint-batch.ts";
import { lintImage } from "./lint-image.ts";
import { lintRows } from "./lint-rows.ts";
import { type Lint, linted } from "./linted.ts";
import { newUlid } from "./new-id.ts";
import { once } from "./once.ts";
import { notePending } from "./pending.ts";
import { outOfStorage, readLimits, readQuota, refuseOver } from "./quota.ts";
import { nowSeconds } from "./time.ts";

export interface FileRequest {
  /** For people only: it never becomes a path. `.csv` and `.tsv` are read as CSV, `.zip` as rows with images, all else as JSONL. At most 255 characters. */
  readonly filename: string;
  readonly purpose: string;
  /** 3,600 .. 2,592,000 after now. */
  readonly expiresAfterSeconds?: number;
  /** The `Idempotency-Key` header. Without it the same bytes, name and purpose within 15 minutes are the same file. */
  readonly idempotencyKey?: string;
}

/**
 * Reads the bytes once, at most 512 MB; linted meanwhile (`fine-tune`: rows; `batch`: requests; `vision`: an image), stored only where the
 * linter finds no error.
 *
 * @throws KilotuneError `invalid_training_file` with `issues`, `image_*`, `file_too_large`, `exceeded_quota`, `invalid_value`,
 * `idempotency_key_reused`; what `bytes` throws
 */
export async function createFile(
  service: Service,
  tenant: TenantId,
  request: FileRequest,
  bytes: AsyncIterable<Uint8Array>,
): Promise<File> {
  const { filename, purpose } = request;
  if (filename.length < 1 || filename.length > 255)
    throw invalidValue("filename", "1 to 255 characters", String(filename.length));
  const lint = lintOf(service, purpose, filename);
  return storeFile(service, tenant, { ...request, purpose: purpose as FilePurpose }, linted(bytes, lint));
}

/**
 * Without linting: what a job reports, say. `during` a job: only as long as that hasn't ended.
 *
 * @throws KilotuneError `job_ended`
 */
export async function storeFile(
  service: Service,
  tenant: TenantId,
  request: FileRequest & { readonly purpose: FilePurpose; readonly during?: JobId },
  bytes: AsyncIterable<Uint8Array>,
): Promise<File> {
  const { filename, purpose, expiresAfterSeconds: seconds, idempotencyKey: key } = request;
  const createdAt = nowSeconds(service);
  const expiresAt = seconds === undefined ? null : createdAt + checkedSeconds(seconds);
  const limits = await readLimits(service, tenant);
  const { quota } = await readQuota(service, tenant);
  const id = idOf("file", newUlid(service));
  const path = filePath(id);
  await notePending(service, tenant, "sweep");
  await claimBlob(service, tenant, path, id, LEASE_MS.upload);
  try {
    const room = { bytes: limits.storedBytes - quota.storedBytes, error: outOfStorage(limits) };
    const blob = await service.blobs.put(tenant, path, capped(bytes, room));
    const record: FileRecord = { id, bytes: blob.size, createdAt, expiresAt, filename, purpose, readers: [] };
    const body = hashOf("file", blob.sha256, filename, purpose, String(seconds));
    const file = await once<File>(service, tenant, key === undefined ? { body } : { body, key }, {
      isStillGood: (made) => exists(service, tenant, made),
      async make(receipt) {
        const { quota, becomes } = await readQuota(service, tenant);
        const next = { ...quota, storedBytes: quota.storedBytes + blob.size };
        refuseOver(await readLimits(service, tenant), next);
        await service.records.write(tenant, [
          ...(request.during === undefined ? [] : [await stillGoing(service, tenant, request.during)]),
          FILES.put(id, record, "absent"),
          becomes(next),
          await settled(service, tenant, path, id),
          receipt(asFile(record)),
          audited(service, "file.created", id, { bytes: blob.size, purpose }),
        ]);
        return asFile(record);
      },
    });
    if (file.id !== id) await abandon(service, tenant, path);
    return file;
  } catch (error) {
    // Where the store is what fails, the sweep does it later.
    await abandon(service, tenant, path).catch(() => {});
    throw error;
  }
}

async function stillGoing(service: Service, tenant: TenantId, job: JobId): Promise<RecordChange> {
  const { id, value, revision } = await readJob(service, tenant, job);
  if (hasEnded(value.status)) throw jobEnded(value.status);
  return { check: { kind: JOBS.kind, id }, expect: { revision } };
}

function lintOf({ looks }: Service, purpose: string, filename: string): Lint {
  if (purpose === "fine-tune") return lintRows(filename, looks);
  if (purpose === "vision") return lintImage(looks);
  if (purpose === "batch") return lintBatch;
  if (purpose === "user_data")
    return async (chunks) => {
      for await (const _ of chunks);
      return [];
    };
  throw invalidValue("purpose", "fine-tune, batch, vision or user_data", "another");
}

async function* capped(
  bytes: AsyncIterable<Uint8Array>,
  room: { readonly bytes: number; readonly error: Error },
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of bytes) {
    seen += chunk.length;
    if (seen > MAX_BYTES) throw tooLarge();
    if (seen > room.bytes) throw room.error;
    yield chunk;
  }
}

async function exists(service: Service, tenant: TenantId, { id }: File): Promise<boolean> {
  const row = await FILES.read(service, tenant, id);
  return row !== undefined && !hasExpired(service, row.value);
}

function checkedSeconds(seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < 3600 || seconds > 2_592_000)
    throw invalidValue("expires_after.seconds", "3,600 to 2,592,000", String(seconds));
  return seconds;
}

function tooLarge(): KilotuneError {
  return new KilotuneError(
    "file_too_large",
    "file: expected at most 512 MB, saw more.",
    "Split it, or send fewer rows: a prompt of a few KB learns little from more.",
    { param: "file" },
  );
}

const hashOf = (...parts: readonly string[]) =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");

const MAX_BYTES = 512 * 1024 * 1024;
