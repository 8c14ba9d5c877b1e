import type { BatchId, TenantId } from "@kilotune/contract";
import { type AnsweredLines, imagesOf, type PreparedLine, prepareLine, textsOf } from "./batch-answers.ts";
import { readBatchLines } from "./batch-lines.ts";
import { becoming, readBatch } from "./batches.ts";
import type { Service } from "./context.ts";
import { untilFresh } from "./fresh.ts";
import { BATCH_PIECES, BATCHES, type BatchRecord } from "./kinds.ts";
import { newUlid } from "./new-id.ts";
import { KEPT_DAYS } from "./periods.ts";
import { readLimits, readQuota } from "./quota.ts";
import { DAY_SECONDS, inSeconds } from "./time.ts";
import { batchMetered } from "./usage.ts";

/** The lines that aren't done yet, a piece at a time: what is asked at once, and lost where a process is killed. */
export async function* pieceLines(
  service: Service,
  tenant: TenantId,
  { inputFile, endpoint, doneLines }: BatchRecord,
): AsyncGenerator<readonly PreparedLine[], void> {
  let piece: PreparedLine[] = [];
  for await (const line of readBatchLines(service, tenant, inputFile, endpoint)) {
    if (line.line <= doneLines) continue;
    const next = await prepareLine(service, tenant, endpoint, line);
    if (piece.length > 0 && !isPiece([...piece, next])) {
      yield piece;
      piece = [];
    }
    piece.push(next);
  }
  if (piece.length > 0) yield piece;
}

function isPiece(lines: readonly PreparedLine[]): boolean {
  const texts = lines.flatMap(textsOf);
  const images = lines.reduce((sum, line) => sum + imagesOf(line), 0);
  const letters = texts.reduce((sum, text) => sum + text.length, 0);
  const models = new Set(lines.map((line) => ("resolved" in line ? line.resolved.model : "")));
  return (
    lines.length <= PIECE.lines &&
    texts.length <= PIECE.texts &&
    letters <= PIECE.letters &&
    images <= PIECE.images &&
    models.size <= PIECE.models
  );
}

/**
 * Makes answers count: their bytes first, then in one write the batch's place, the metering and the quota. Answers the
 * batch as it is then; undefined where the batch has moved on without them: then they are nobody's.
 *
 * @throws KilotuneError `not_found`; what the store throws
 */
export async function keepPiece(
  service: Service,
  tenant: TenantId,
  { id, doneLines }: BatchRecord,
  { line, output, error, completed, failed, amounts }: AnsweredLines,
): Promise<BatchRecord | undefined> {
  const name = newUlid(service);
  const blobs = { output: Buffer.from(output), error: Buffer.from(error) };
  const bytes = blobs.output.length + blobs.error.length;
  let isKept = false;
  try {
    for (const kind of KINDS)
      if (blobs[kind].length > 0) await service.blobs.put(tenant, pieceBlob(id, name, kind), blobs[kind]);
    return await untilFresh(async () => {
      const row = await readBatch(service, tenant, id);
      const now = row.value;
      if (now.status !== "in_progress" || now.doneLines !== doneLines) return undefined;
      const limits = await readLimits(service, tenant);
      const { quota, becomes } = await readQuota(service, tenant);
      const pieceBytes = now.pieceBytes + bytes;
      if (quota.storedBytes + bytes > limits.storedBytes || pieceBytes > MAX_BYTES) {
        const full = outOfRoom(service, now);
        await service.records.write(tenant, [BATCHES.put(id, full, row)]);
        return full;
      }
      const counts = {
        ...now.counts,
        completed: now.counts.completed + completed,
        failed: now.counts.failed + failed,
      };
      const next = { ...now, counts, pieceBytes, doneLines: line, pieces: now.pieces + 1 };
      const place = `${id}/${String(now.pieces).padStart(6, "0")}`;
      await service.records.write(tenant, [
        BATCHES.put(id, next, row),
        BATCH_PIECES.put(place, { name }, "absent", inSeconds(service, KEPT_DAYS.batchPieces * DAY_SECONDS)),
        becomes({ ...quota, storedBytes: quota.storedBytes + bytes }),
        ...(await batchMetered(service, tenant, amounts)),
      ]);
      isKept = true;
      return next;
    });
  } finally {
    if (!isKept) for (const kind of KINDS) await service.blobs.remove(tenant, pieceBlob(id, name, kind));
  }
}

/** All that counts of a batch's output, or of its errors, in the order of its lines. */
export async function* pieceBytes(
  service: Service,
  tenant: TenantId,
  id: BatchId,
  kind: PieceKind,
): AsyncGenerator<Uint8Array, void> {
  for await (const { value } of BATCH_PIECES.all(service, tenant, { prefix: `${id}/` })) {
    const blob = await service.blobs.open(tenant, pieceBlob(id, value.name, kind));
    // None where all of its lines went into the other file.
    if (blob !== undefined) yield* blob.chunks;
  }
}

/** Once the batch has ended they are files. */
export async function removePieces(service: Service, tenant: TenantId, id: BatchId): Promise<void> {
  for await (const { path } of service.blobs.list(tenant, `batches/${id}/`))
    await service.blobs.remove(tenant, path);
}

/** What was answered is kept; more there is no room for. */
function outOfRoom(service: Service, batch: BatchRecord): BatchRecord {
  const message = `The answers from line ${batch.doneLines + 1} on have no room: a file may have 512 MB, a plan its own limit.`;
  const errors = [{ code: "exceeded_quota", message, line: batch.doneLines + 1 }];
  return { ...becoming(service, batch, "finalizing"), outcome: "failed", errors };
}

function pieceBlob(id: BatchId, name: string, kind: PieceKind): string {
  return `batches/${id}/${name}.${kind}`;
}

export type PieceKind = "output" | "error";
const KINDS: readonly PieceKind[] = ["output", "error"];

/** `letters` bounds memory. `models`: each is metered in the piece's write, which has 25 changes. */
const PIECE = { lines: 100, texts: 256, letters: 4e6, images: 32, models: 20 } as const;
const MAX_BYTES = 512 * 2 ** 20;
