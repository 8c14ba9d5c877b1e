import { createHash } from "node:crypto";
import { type BatchId, idOf, type TenantId } from "@kilotune/contract";
import { audited } from "./audit.ts";
import { type Batch, type BatchEndpoint, hasBatchEnded } from "./batch.ts";
import { asBatch } from "./batches.ts";
import type { Service } from "./context.ts";
import { invalidValue } from "./errors.ts";
import { readFile } from "./files.ts";
import { checkMetadata } from "./job-request.ts";
import { BATCHES, type BatchRecord, FILES } from "./kinds.ts";
import { newUlid } from "./new-id.ts";
import { once, type Repeat } from "./once.ts";
import { notePending } from "./pending.ts";
import { DAY_SECONDS, nowSeconds } from "./time.ts";
import { readLimits, readQuota, refuseOver } from "./quota.ts";

export interface BatchRequest {
  /** Of purpose `batch`. */
  readonly inputFile: string;
  readonly endpoint: BatchEndpoint;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Of the files that it makes: 3,600 .. 2,592,000. */
  readonly outputExpiresAfterSeconds?: number;
}

/**
 * Makes a batch and starts its execution; it has 24 hours. Without an idempotency key the same request within 15 minutes
 * is the same batch, as long as that one hasn't ended, and for a minute where it was as quick as that.
 *
 * @throws KilotuneError `not_found`, `invalid_value` (`input_file_id`), `exceeded_quota`, `idempotency_key_reused`
 */
export async function createBatch(
  service: Service,
  tenant: TenantId,
  request: BatchRequest,
  repeat: Repeat = { body: hashOf(request) },
): Promise<Batch> {
  const { inputFile, endpoint, metadata = {}, outputExpiresAfterSeconds = null } = request;
  checkMetadata(metadata);
  await notePending(service, tenant, "jobs", "sweep");
  const made = await once<Batch>(service, tenant, repeat, {
    isStillGood: ({ id }) => isStillGood(service, tenant, id),
    async make(receipt) {
      const id = idOf("batch", newUlid(service));
      const file = await readFile(service, tenant, inputFile, "input_file_id");
      const { purpose, readers } = file.value;
      if (purpose !== "batch") throw invalidValue("input_file_id", "a file with the purpose batch", purpose);
      const { quota, becomes } = await readQuota(service, tenant);
      const next = { ...quota, batches: [...quota.batches, id] };
      refuseOver(await readLimits(service, tenant), next);
      const createdAt = nowSeconds(service);
      const record: BatchRecord = {
        id,
        status: "validating",
        endpoint,
        inputFile: file.value.id,
        metadata,
        createdAt,
        expiresAt: createdAt + DAY_SECONDS,
        since: { validating: createdAt },
        counts: { total: 0, completed: 0, failed: 0 },
        outputFile: null,
        errorFile: null,
        errors: [],
        outputExpiresAfterSeconds,
        doneLines: 0,
        pieces: 0,
        pieceBytes: 0,
        outcome: null,
      };
      const batch = asBatch(record);
      await service.records.write(tenant, [
        BATCHES.put(id, record, "absent"),
        becomes(next),
        FILES.put(file.id, { ...file.value, readers: [...readers, id] }, file),
        receipt(batch),
        audited(service, "batch.created", id, { endpoint }),
      ]);
      return batch;
    },
  });
  // Of a repeat as well: the first may have died before this line, and starting a batch twice starts it once.
  const row = await BATCHES.read(service, tenant, made.id);
  if (row !== undefined && !hasBatchEnded(row.value.status)) await service.workflow.start(tenant, made.id);
  return made;
}

async function isStillGood(service: Service, tenant: TenantId, id: BatchId): Promise<boolean> {
  const row = await BATCHES.read(service, tenant, id);
  if (row === undefined) return false;
  const { status, createdAt } = row.value;
  if (!hasBatchEnded(status)) return true;
  return status === "completed" && createdAt > nowSeconds(service) - QUICK_SECONDS;
}

const hashOf = (request: BatchRequest) =>
  createHash("sha256")
    .update(`batch\n${JSON.stringify(request)}`)
    .digest("hex");

/** A client that lost the answer asks again within seconds. */
const QUICK_SECONDS = 60;
