import type { TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { audited } from "./audit.ts";
import { changeJob, jobEnded, metered } from "./change-job.ts";
import type { Service } from "./context.ts";
import { endedJob } from "./end-job.ts";
import { hasEnded, type Job } from "./job.ts";
import { eventAdded } from "./job-events.ts";
import { JOBS, type JobRecord } from "./kinds.ts";
import { eachPending } from "./pending.ts";
import { readQuota } from "./quota.ts";

/** Again is no error. @throws KilotuneError `not_found`, `job_ended` where it had succeeded or failed */
export async function cancelJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  const job = await changeJob(service, tenant, id, (now) => {
    if (now.status === "cancelled") return undefined;
    if (hasEnded(now.status)) throw jobEnded(now.status);
    const also = [audited(service, "job.cancelled", now.id)];
    return endedJob(service, tenant, now, { status: "cancelled", also });
  });
  await service.workflow.stop(tenant, job.id);
  return job;
}

/** The running state ends with a checkpoint. @throws KilotuneError `not_found`, `job_ended` */
export async function pauseJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  const job = await changeJob(service, tenant, id, (now) => {
    if (hasEnded(now.status)) throw jobEnded(now.status);
    if (now.status === "paused") return undefined;
    const paused = { ...metered(service, now, "paused"), estimatedFinishAt: null };
    return { job: paused, also: told(service, now, "paused") };
  });
  await service.workflow.stop(tenant, job.id);
  return job;
}

/** Back into the queue, from the last checkpoint; nothing where it isn't paused. @throws KilotuneError `not_found`, `job_ended` */
export async function resumeJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  const job = await changeJob(service, tenant, id, (now) => {
    if (hasEnded(now.status)) throw jobEnded(now.status);
    if (now.status !== "paused") return undefined;
    return { job: { ...now, status: "queued" }, also: told(service, now, "resumed") };
  });
  await service.workflow.start(tenant, job.id);
  return job;
}

/** At start-up: starts the execution of every batch, and of every job that isn't paused, where it hasn't ended. Answers how many. */
export async function restartJobs(service: Service): Promise<number> {
  let started = 0;
  await eachPending(service, "jobs", async (tenant) => {
    const { quota } = await readQuota(service, tenant);
    for (const id of quota.jobs) {
      const row = await JOBS.read(service, tenant, id);
      if (row === undefined || row.value.status === "paused") continue;
      await service.workflow.start(tenant, id);
      started++;
    }
    for (const id of quota.batches) await service.workflow.start(tenant, id);
    started += quota.batches.length;
  });
  return started;
}

function told(service: Service, { id }: JobRecord, what: "paused" | "resumed"): RecordChange[] {
  return [
    eventAdded(service, id, { level: "info", message: `The job has been ${what}.` }),
    audited(service, `job.${what}`, id),
  ];
}
