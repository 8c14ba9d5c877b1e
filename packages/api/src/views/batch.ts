import type { BatchCreate, BatchObject } from "@kilotune/contract/wire";
import type { Batch, BatchRequest } from "@kilotune/service";

export function batchView(batch: Batch): BatchObject {
  const { since, errors } = batch;
  return {
    id: batch.id,
    object: "batch",
    endpoint: batch.endpoint,
    input_file_id: batch.inputFile,
    completion_window: "24h",
    status: batch.status,
    output_file_id: batch.outputFile,
    error_file_id: batch.errorFile,
    created_at: batch.createdAt,
    expires_at: batch.expiresAt,
    in_progress_at: since.in_progress ?? null,
    finalizing_at: since.finalizing ?? null,
    completed_at: since.completed ?? null,
    failed_at: since.failed ?? null,
    expired_at: since.expired ?? null,
    cancelling_at: since.cancelling ?? null,
    cancelled_at: since.cancelled ?? null,
    errors:
      errors.length === 0
        ? null
        : { object: "list", data: errors.map((error) => ({ ...error, param: null })) },
    request_counts: { ...batch.counts },
    metadata: { ...batch.metadata },
  };
}

export function batchRequest(body: BatchCreate): BatchRequest {
  const { input_file_id: inputFile, endpoint, metadata, output_expires_after: expires } = body;
  return {
    inputFile,
    endpoint,
    ...(metadata == null ? {} : { metadata }),
    ...(expires === undefined ? {} : { outputExpiresAfterSeconds: expires.seconds }),
  };
}
