export type { Blobs, BlobWritten } from "./ports/blobs.ts";
export type { Clock } from "./ports/clock.ts";
export {
  type Expectation,
  type Json,
  type JsonObject,
  type PageRequest,
  type RecordChange,
  type RecordKey,
  type RecordPage,
  type Records,
  StaleWriteError,
  type StoredRecord,
} from "./ports/records.ts";
export type { Workflow } from "./ports/workflow.ts";
