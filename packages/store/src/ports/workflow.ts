import type { JobId, TenantId } from "@kilotune/contract";

/** Runs a job's states one after another. An execution is named by its job: starting it twice starts it once. */
export interface Workflow {
  start(tenant: TenantId, job: JobId): Promise<void>;
  /** The running state is told to end; returns at once. Nothing where the job isn't running. */
  stop(tenant: TenantId, job: JobId): Promise<void>;
  /** Settles once a job that was told to stop has. Left out where its states run on other machines. */
  ended?(tenant: TenantId, job: JobId): Promise<void>;
}
