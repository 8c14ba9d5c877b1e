import { type FileId, idOf, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import type { BatchStatus } from "./batch.ts";
import { readBatchLines } from "./batch-lines.ts";
import { type PieceKind, pieceBytes, removePieces } from "./batch-pieces.ts";
import { type BatchChange, becoming, changeBatch } from "./batches.ts";
import { abandonOwn, claimBlob, LEASE_MS, settled } from "./claims.ts";
import type { Service } from "./context.ts";
import { type BatchRecord, FILES, type FileRecord, filePath } from "./kinds.ts";
import { newUlid } from "./new-id.ts";
import { outboxed } from "./outbox.ts";
import { readQuota } from "./quota.ts";
import { nowSeconds } from "./time.ts";

/**
 * The last step of a batch that is `finalizing` or `cancelling`: its pieces become its two files in the write that ends
 * it, so that there are both or neither.
 *
 * @throws KilotuneError `not_found`; what the store throws
 */
export async function endBatch(service: Service, tenant: TenantId, batch: BatchRecord): Promise<void> {
  const made: FileId[] = [];
  const store = async (kind: PieceKind, bytes: AsyncIterable<Uint8Array>) => {
    const id = idOf("file", newUlid(service));
    made.push(id);
    await claimBlob(service, tenant, filePath(id), id, LEASE_MS.upload);
    const { size } = await service.blobs.put(tenant, filePath(id), bytes);
    return size === 0 ? undefined : fileOf(service, batch, id, `${batch.id}_${kind}.jsonl`, size);
  };
  try {
    const unanswered = { lines: 0 };
    const output = await store("output", pieceBytes(service, tenant, batch.id, "output"));
    const error = await store("error", errorBytes(service, tenant, batch, unanswered));
    await changeBatch(service, tenant, batch.id, (now) => {
      const status = endOf(now);
      if (status === undefined) return undefined;
      const { counts } = now;
      const { lines: late } = unanswered;
      const total = Math.max(counts.total, counts.completed + counts.failed + late);
      const counted = { ...now, counts: { ...counts, total, failed: counts.failed + late } };
      return endedBatch(service, tenant, counted, status, { output, error });
    });
  } finally {
    // What didn't become a file, whoever ended the batch.
    for (const id of made) await abandonOwn(service, tenant, filePath(id), id);
  }
  await removePieces(service, tenant, batch.id);
}

/** Everything that a batch's end changes, as one write. */
export async function endedBatch(
  service: Service,
  tenant: TenantId,
  batch: BatchRecord,
  status: BatchStatus,
  files: { readonly output?: FileRecord | undefined; readonly error?: FileRecord | undefined } = {},
): Promise<BatchChange> {
  const { output, error } = files;
  const made = [output, error].filter((file) => file !== undefined);
  const { quota, becomes } = await readQuota(service, tenant);
  const bytes = made.reduce((sum, file) => sum + file.bytes, 0);
  const next = {
    ...quota,
    batches: quota.batches.filter((id) => id !== batch.id),
    storedBytes: quota.storedBytes - batch.pieceBytes + bytes,
  };
  const also: RecordChange[] = [
    becomes(next),
    ...(await inputFreed(service, tenant, batch)),
    ...(await outboxed(service, tenant, `batch.${status}`, batch.id)),
  ];
  for (const file of made)
    also.push(FILES.put(file.id, file, "absent"), await settled(service, tenant, filePath(file.id), file.id));
  const ended = {
    ...becoming(service, batch, status),
    outputFile: output?.id ?? null,
    errorFile: error?.id ?? null,
    pieceBytes: 0,
  };
  return { batch: ended, also };
}

function endOf({ status, outcome }: BatchRecord): BatchStatus | undefined {
  if (status === "cancelling") return "cancelled";
  return status === "finalizing" && outcome !== null ? outcome : undefined;
}

/** Of a batch that ran out of time its unanswered lines as well. */
async function* errorBytes(
  service: Service,
  tenant: TenantId,
  batch: BatchRecord,
  unanswered: { lines: number },
): AsyncGenerator<Uint8Array, void> {
  yield* pieceBytes(service, tenant, batch.id, "error");
  if (endOf(batch) !== "expired") return;
  for await (const { line, customId } of readBatchLines(service, tenant, batch.inputFile, batch.endpoint)) {
    if (line <= batch.doneLines) continue;
    unanswered.lines++;
    const error = { code: "batch_expired", message: "It was not answered within 24 hours.", line };
    const row = { id: `batch_req_${newUlid(service)}`, custom_id: customId, response: null, error };
    yield Buffer.from(`${JSON.stringify(row)}\n`);
  }
}

function fileOf(
  service: Service,
  { outputExpiresAfterSeconds }: BatchRecord,
  id: FileId,
  filename: string,
  bytes: number,
): FileRecord {
  const createdAt = nowSeconds(service);
  const expiresAt = outputExpiresAfterSeconds === null ? null : createdAt + outputExpiresAfterSeconds;
  return { id, bytes, createdAt, expiresAt, filename, purpose: "batch_output", readers: [] };
}

async function inputFreed(service: Service, tenant: TenantId, batch: BatchRecord): Promise<RecordChange[]> {
  const row = await FILES.read(service, tenant, batch.inputFile);
  if (row === undefined) return [];
  const readers = row.value.readers.filter((other) => other !== batch.id);
  return [FILES.put(row.id, { ...row.value, readers }, row)];
}
