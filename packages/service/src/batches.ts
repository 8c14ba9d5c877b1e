import { KilotuneError, parseId, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { audited } from "./audit.ts";
import { type Batch, type BatchStatus, batchMayBecome, hasBatchEnded } from "./batch.ts";
import type { Page, PageQuery, Service } from "./context.ts";
import { notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { BATCHES, type BatchRecord } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import type { Row } from "./table.ts";
import { nowSeconds } from "./time.ts";

/** @throws KilotuneError `not_found` */
export async function getBatch(service: Service, tenant: TenantId, id: string): Promise<Batch> {
  return asBatch((await readBatch(service, tenant, id)).value);
}

/** The newest first. */
export function listBatches(service: Service, tenant: TenantId, query: PageQuery = {}): Promise<Page<Batch>> {
  return listPage(service, tenant, BATCHES, query, {
    cursor: "batch",
    newestFirst: true,
    view: ({ value }) => asBatch(value),
  });
}

/** What is answered stays, and is a file once the batch has ended. Again is no error. @throws KilotuneError `not_found`, `batch_ended` */
export async function cancelBatch(service: Service, tenant: TenantId, id: string): Promise<Batch> {
  const batch = await changeBatch(service, tenant, id, (now) => {
    if (now.status === "cancelling" || now.status === "cancelled") return undefined;
    if (hasBatchEnded(now.status)) throw batchEnded(now.status);
    return {
      batch: becoming(service, now, "cancelling"),
      also: [audited(service, "batch.cancelled", now.id)],
    };
  });
  await service.workflow.stop(tenant, batch.id);
  return batch;
}

/** What a batch becomes, and what must be written with it. */
export interface BatchChange {
  readonly batch: BatchRecord;
  readonly also?: readonly RecordChange[];
}

/**
 * The one place where a batch is changed, as `changeJob` is for jobs: of a cancel and an end exactly one wins.
 *
 * @throws KilotuneError `not_found`; what `decide` throws
 */
export function changeBatch(
  service: Service,
  tenant: TenantId,
  id: string,
  decide: (batch: BatchRecord) => BatchChange | undefined | Promise<BatchChange | undefined>,
): Promise<Batch> {
  return untilFresh(async () => {
    const row = await readBatch(service, tenant, id);
    const change = await decide(row.value);
    if (change === undefined) return asBatch(row.value);
    const { batch, also = [] } = change;
    const { status } = row.value;
    if (hasBatchEnded(status) || (batch.status !== status && !batchMayBecome(status, batch.status)))
      throw new Error(`a batch that is ${status} can't become ${batch.status}`);
    await service.records.write(tenant, [BATCHES.put(row.id, batch, row), ...also]);
    return asBatch(batch);
  });
}

/** @throws KilotuneError `not_found` */
export async function readBatch(service: Service, tenant: TenantId, id: string): Promise<Row<BatchRecord>> {
  const known = parseId("batch", id);
  const row = known && (await BATCHES.read(service, tenant, known));
  if (row === undefined) throw notFound("batch");
  return row;
}

export function becoming(service: Service, batch: BatchRecord, status: BatchStatus): BatchRecord {
  return { ...batch, status, since: { ...batch.since, [status]: nowSeconds(service) } };
}

export function asBatch({
  outputExpiresAfterSeconds: _,
  doneLines: __,
  pieces: ___,
  pieceBytes: ____,
  outcome: _____,
  ...batch
}: BatchRecord): Batch {
  return batch;
}

function batchEnded(status: BatchStatus): KilotuneError {
  return new KilotuneError(
    "batch_ended",
    `The batch has ended already: ${status}.`,
    "Its files say what was answered.",
  );
}
