import type { TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import type { Job } from "./job.ts";
import { todo } from "./todo.ts";

/** Again is no error. @throws KilotuneError `not_found`, `job_ended` where it had succeeded or failed */
export function cancelJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  return todo(service, tenant, id);
}

/** The running state ends with a checkpoint. @throws KilotuneError `not_found`, `job_ended` */
export function pauseJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  return todo(service, tenant, id);
}

/** Back into the queue, from the last checkpoint; nothing where it isn't paused. @throws KilotuneError `not_found`, `job_ended` */
export function resumeJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  return todo(service, tenant, id);
}

/** At start-up: starts the execution of every job of every tenant that is neither ended nor paused. Answers how many. */
export function restartJobs(service: Service): Promise<number> {
  return todo(service);
}
