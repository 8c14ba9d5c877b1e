import { z } from "zod";
import { ExpiresAfter } from "./files.ts";
import { pageOf } from "./page.ts";
import { Count, GivenId, Id, Metadata, UnixSeconds } from "./values.ts";

export const BatchCreate = z
  .strictObject({
    input_file_id: GivenId,
    endpoint: z.enum([
      "/v1/classify",
      "/v1/estimate",
      "/v1/tag",
      "/v1/embeddings",
      "/v1/segment",
      "/v1/detect",
    ]),
    completion_window: z.literal("24h"),
    metadata: Metadata.nullish(),
    output_expires_after: ExpiresAfter.optional().meta({ description: "For both files that it makes" }),
  })
  .meta({ id: "BatchCreate" });
export type BatchCreate = z.infer<typeof BatchCreate>;

const Moment = UnixSeconds.nullish();

const BatchError = z.object({
  code: z.string(),
  message: z.string(),
  line: z.int().nullable(),
  param: z.string().nullable(),
});

export const BatchObject = z
  .object({
    id: Id,
    object: z.literal("batch"),
    endpoint: z.string(),
    input_file_id: Id,
    completion_window: z.string(),
    status: z.enum([
      "validating",
      "failed",
      "in_progress",
      "finalizing",
      "completed",
      "expired",
      "cancelling",
      "cancelled",
    ]),
    output_file_id: Id.nullish(),
    error_file_id: Id.nullish(),
    created_at: UnixSeconds,
    expires_at: Moment,
    in_progress_at: Moment,
    finalizing_at: Moment,
    completed_at: Moment,
    failed_at: Moment,
    expired_at: Moment,
    cancelling_at: Moment,
    cancelled_at: Moment,
    errors: z
      .object({ object: z.literal("list"), data: z.array(BatchError) })
      .nullish()
      .meta({ description: "Why it failed as a whole; a row's fault is in the error file" }),
    request_counts: z.object({ total: Count, completed: Count, failed: Count }),
    metadata: z.record(z.string(), z.string()).nullish(),
  })
  .meta({ id: "Batch" });
export type BatchObject = z.infer<typeof BatchObject>;

export const BatchPage = pageOf(BatchObject).meta({ id: "BatchPage" });
