import type { BatchId, JobId, TenantId } from "@kilotune/contract";

/** Does jobs, a state after another, and batches. An execution is named by its job or batch: starting it twice starts it once. */
export interface Workflow {
  start(tenant: TenantId, id: JobId | BatchId): Promise<void>;
  /**
   * What runs is told to end; returns at once. Where nothing runs, what is left to do for what has ended or is to end is
   * done: the last state of a job, the last step of a batch.
   */
  stop(tenant: TenantId, id: JobId | BatchId): Promise<void>;
  /** Settles once what was told to stop has. Left out where it runs on other machines. */
  ended?(tenant: TenantId, id: JobId | BatchId): Promise<void>;
}
