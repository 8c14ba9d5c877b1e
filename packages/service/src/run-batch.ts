import { type BatchId, isCodedError, type TenantId } from "@kilotune/contract";
import { type BatchFault, hasBatchEnded } from "./batch.ts";
import { readBatchLines } from "./batch-lines.ts";
import { answerLines } from "./batch-answers.ts";
import { keepPiece, pieceLines } from "./batch-pieces.ts";
import { becoming, changeBatch, readBatch } from "./batches.ts";
import type { Service } from "./context.ts";
import { endBatch, endedBatch } from "./end-batch.ts";
import type { Inference } from "./inference.ts";
import type { BatchRecord } from "./kinds.ts";
import { readLimits } from "./quota.ts";
import { nowSeconds } from "./time.ts";

export interface BatchTools {
  readonly inference: Inference;
  /** Aborted where the batch is told to stop, or this machine shuts down: it goes on when it is run again. */
  readonly signal: AbortSignal;
}

/**
 * Does a batch, piece by piece, from wherever it is; between two pieces others may have their turn. Everything that
 * counts is in records: killed at any moment and run again, each line is answered in the output once, and metered once.
 * Two that run the same batch do no harm.
 *
 * @throws the signal's reason; what the store throws, or a model that may soon answer again: then run it again
 */
export async function* runBatch(
  service: Service,
  tenant: TenantId,
  id: BatchId,
  tools: BatchTools,
): AsyncGenerator<void, void> {
  try {
    for (;;) {
      tools.signal.throwIfAborted();
      // An erasure that has begun waits for nobody who begins now.
      await readLimits(service, tenant);
      const { value: batch } = await readBatch(service, tenant, id);
      if (hasBatchEnded(batch.status)) return;
      if (isLate(service, batch)) await finalize(service, tenant, batch, "expired");
      else if (batch.status === "validating") await validate(service, tenant, batch);
      else if (batch.status === "in_progress") yield* answer(service, tenant, batch, tools);
      else await endBatch(service, tenant, batch);
      yield;
    }
  } catch (error) {
    if (!(await isGone(service, tenant, id, error))) throw error;
  }
}

/** Counts the requests; a file without a single good one fails as a whole, and says why. */
async function validate(service: Service, tenant: TenantId, batch: BatchRecord): Promise<void> {
  const errors: BatchFault[] = [];
  let total = 0;
  let good = 0;
  for await (const line of readBatchLines(service, tenant, batch.inputFile, batch.endpoint)) {
    total++;
    if (!("fault" in line)) good++;
    else if (errors.length < MAX_ERRORS) errors.push(line.fault);
  }
  await changeBatch(service, tenant, batch.id, (now) => {
    if (now.status !== "validating") return undefined;
    if (good === 0) return endedBatch(service, tenant, { ...now, errors }, "failed");
    const counted = { ...now, counts: { ...now.counts, total } };
    return { batch: becoming(service, counted, "in_progress") };
  });
}

async function* answer(
  service: Service,
  tenant: TenantId,
  start: BatchRecord,
  { inference, signal }: BatchTools,
): AsyncGenerator<void, void> {
  let batch = start;
  for await (const lines of pieceLines(service, tenant, start)) {
    signal.throwIfAborted();
    if (isLate(service, batch)) return;
    const answered = await answerLines(service, tenant, batch.endpoint, lines, { inference, signal });
    const kept = await keepPiece(service, tenant, batch, answered);
    // Cancelled, or another runs it: what it is now decides.
    if (kept === undefined) return;
    batch = kept;
    if (batch.status !== "in_progress") return;
    yield;
  }
  await finalize(service, tenant, batch, "completed");
}

async function finalize(
  service: Service,
  tenant: TenantId,
  { id, status, doneLines }: BatchRecord,
  outcome: "completed" | "expired",
): Promise<void> {
  await changeBatch(service, tenant, id, (now) =>
    now.status !== status || now.doneLines !== doneLines
      ? undefined
      : { batch: { ...becoming(service, now, "finalizing"), outcome } },
  );
}

function isLate(service: Service, { status, expiresAt }: BatchRecord): boolean {
  return (status === "validating" || status === "in_progress") && nowSeconds(service) >= expiresAt;
}

/** Erased with its tenant while it ran: nothing is left to be done. */
async function isGone(service: Service, tenant: TenantId, id: BatchId, error: unknown): Promise<boolean> {
  if (!isCodedError(error) || error.code !== "not_found") return false;
  return await Promise.all([readBatch(service, tenant, id), readLimits(service, tenant)]).then(
    () => false,
    () => true,
  );
}

const MAX_ERRORS = 100;
