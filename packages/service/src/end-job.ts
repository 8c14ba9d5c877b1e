import type { TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { type JobChange, metered } from "./change-job.ts";
import type { Service } from "./context.ts";
import type { JobError, JobStatus } from "./job.ts";
import { eventAdded } from "./job-events.ts";
import { FILES, type JobRecord, type Quota } from "./kinds.ts";
import { outboxed } from "./outbox.ts";
import { readQuota } from "./quota.ts";
import { nowSeconds } from "./time.ts";
import { tuningMetered } from "./usage.ts";

/** Everything that a job's end changes, as one write: its quotas and files are freed, its time is metered, people are told. */
export async function endedJob(
  service: Service,
  tenant: TenantId,
  job: JobRecord,
  end: {
    readonly status: "succeeded" | "failed" | "cancelled";
    readonly patch?: Partial<JobRecord>;
    readonly error?: JobError;
    readonly storedBytes?: number;
    readonly also?: readonly RecordChange[];
  },
): Promise<JobChange> {
  const { status, storedBytes = 0, error = null } = end;
  const finishedAt = nowSeconds(service);
  const ended: JobRecord = {
    ...metered(service, job, status),
    ...end.patch,
    error,
    finishedAt,
    estimatedFinishAt: null,
  };
  const { quota, becomes } = await readQuota(service, tenant);
  const next: Quota = {
    ...quota,
    jobs: quota.jobs.filter((id) => id !== job.id),
    prompts: quota.prompts - (status === "succeeded" ? 0 : 1),
    storedBytes: quota.storedBytes + storedBytes,
    tuningMs: quota.tuningMs + ended.tuningMs,
  };
  const told = eventAdded(service, job.id, {
    level: status === "failed" ? "error" : "info",
    message: WORDS[status](ended),
  });
  const also = [
    becomes(next),
    ...(await filesFreed(service, tenant, job)),
    ...(ended.tuningMs > 0 ? [await tuningMetered(service, tenant, job.model, ended.tuningMs)] : []),
    ...(await outboxed(service, tenant, `fine_tuning.job.${status}`, job.id)),
    told,
    ...(end.also ?? []),
  ];
  return { job: ended, also };
}

async function filesFreed(service: Service, tenant: TenantId, job: JobRecord): Promise<RecordChange[]> {
  const changes: RecordChange[] = [];
  for (const id of [job.trainingFile, job.validationFile]) {
    const row = id === null ? undefined : await FILES.read(service, tenant, id);
    if (row === undefined) continue;
    const readers = row.value.readers.filter((other) => other !== job.id);
    changes.push(FILES.put(row.id, { ...row.value, readers }, row));
  }
  return changes;
}

const WORDS: {
  readonly [Status in JobStatus & ("succeeded" | "failed" | "cancelled")]: (job: JobRecord) => string;
} = {
  succeeded: ({ tunedModel }) => `The job has succeeded: ${tunedModel}`,
  failed: ({ error }) => `The job has failed: ${error?.message}`,
  cancelled: () => "The job has been cancelled.",
};
