import type { JobId, PromptId, TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import type { Job, JobError } from "./job.ts";
import { todo } from "./todo.ts";

/** What the worker's states call. Each may be repeated: a state that ran twice changes nothing the second time. */

/** The files are good: `validating_files` -> `queued`. Answers the job as it is then; look at its status before going on. */
export function queueJob(service: Service, tenant: TenantId, id: JobId): Promise<Job> {
  return todo(service, tenant, id);
}

/** `queued` -> `running`. Answers the job as it is then: where it isn't `running` (cancelled, paused), stop. */
export function beginJob(service: Service, tenant: TenantId, id: JobId): Promise<Job> {
  return todo(service, tenant, id);
}

export interface Progress {
  /** For people, e.g. "epoch 3 of 10". */
  readonly message: string;
  /** e.g. `step`, `train_loss`; finite. Makes the event one of `metrics`. */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly level?: "info" | "warn" | "error";
  readonly secondsLeft?: number;
}

/** Adds an event and meters the time since the last. Answers the job as it is then: where it isn't `running`, stop. */
export function reportProgress(
  service: Service,
  tenant: TenantId,
  id: JobId,
  progress: Progress,
): Promise<Job> {
  return todo(service, tenant, id, progress);
}

export type JobOutcome =
  | {
      readonly status: "succeeded";
      /** SHA-256 of `bytes`. */
      readonly promptId: PromptId;
      /** The prompt's file. */
      readonly bytes: Uint8Array;
      readonly trainedTokens: number;
    }
  | { readonly status: "failed"; readonly error: JobError };

/**
 * Ends the job, and publishes its model in the same write. Answers the job as it is then: where it had ended already
 * (cancelled, or ended by a repeat of this call), nothing is changed and nothing published.
 *
 * @throws KilotuneError `busy` (retryable): the same prompt is being deleted this moment
 */
export function finishJob(service: Service, tenant: TenantId, id: JobId, outcome: JobOutcome): Promise<Job> {
  return todo(service, tenant, id, outcome);
}
