import type { JobId, TenantId } from "@kilotune/contract";
import type { SendWebhook, Service } from "@kilotune/service";
import type { Compute } from "../process/tasks.ts";

/** What a state stands on, wherever it is called: by the local engine, in a Lambda function, in a container. */
export interface StateContext {
  readonly service: Service;
  /** Where the heavy work is done. */
  readonly compute: Compute;
  /** Folder for files of the moment. Each state makes one of its own in it, and removes it. */
  readonly scratch: string;
  /**
   * Aborted, with a JobStopped, where the job was cancelled or paused, or where this machine shuts down: the state ends
   * with a checkpoint.
   */
  readonly signal: AbortSignal;
  /** Waits until it is this tenant's turn to tune. A batch service has a queue of its own: there it is always. */
  readonly turn: <T>(tenant: TenantId, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;
  /** For webhooks. */
  readonly send: SendWebhook;
  /** What nobody foresaw, for the operator: a tenant is told no more than that it happened. */
  readonly log: (error: unknown) => void;
}

/** All that passes from state to state. */
export interface Execution {
  readonly tenant: TenantId;
  readonly job: JobId;
}
