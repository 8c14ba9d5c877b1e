import type { BatchId, FileId } from "@kilotune/contract";
import type { UnixSeconds } from "./context.ts";

/** A file of requests that is answered offline, as the tenant sees it. */
export interface Batch {
  readonly id: BatchId;
  readonly status: BatchStatus;
  readonly endpoint: BatchEndpoint;
  readonly inputFile: FileId;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: UnixSeconds;
  /** What isn't answered by then, never will be. */
  readonly expiresAt: UnixSeconds;
  /** When it became what it is, and what it was before. */
  readonly since: { readonly [Status in BatchStatus]?: UnixSeconds };
  /** Lines of the file; `failed` are those that went into the error file. */
  readonly counts: { readonly total: number; readonly completed: number; readonly failed: number };
  /** null until it has ended, and where it would be empty. */
  readonly outputFile: FileId | null;
  readonly errorFile: FileId | null;
  /** Why it failed as a whole. */
  readonly errors: readonly BatchFault[];
}

export type BatchEndpoint =
  | "/v1/classify"
  | "/v1/estimate"
  | "/v1/tag"
  | "/v1/embeddings"
  | "/v1/segment"
  | "/v1/detect";

export type BatchStatus =
  | "validating"
  | "in_progress"
  | "finalizing"
  | "completed"
  | "failed"
  | "expired"
  | "cancelling"
  | "cancelled";

/** What is wrong with a line. Codes as OpenAI's. */
export interface BatchFault {
  readonly code: string;
  readonly message: string;
  /** 1-based; null where it is the whole file's. */
  readonly line: number | null;
}

/** The state machine. What has ended stays as it is; a cancel that comes before the end wins. */
const NEXT: { readonly [Status in BatchStatus]: readonly BatchStatus[] } = {
  validating: ["in_progress", "finalizing", "failed", "cancelling"],
  in_progress: ["finalizing", "cancelling"],
  finalizing: ["completed", "failed", "expired", "cancelling"],
  cancelling: ["cancelled"],
  completed: [],
  failed: [],
  expired: [],
  cancelled: [],
};

export function batchMayBecome(from: BatchStatus, to: BatchStatus): boolean {
  return NEXT[from].includes(to);
}

export function hasBatchEnded(status: BatchStatus): boolean {
  return NEXT[status].length === 0;
}
