import { KilotuneError, parseId, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import type { Service } from "./context.ts";
import { notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { hasEnded, type Job, type JobStatus, mayBecome } from "./job.ts";
import { JOBS, type JobRecord } from "./kinds.ts";
import type { Row } from "./table.ts";

/** What a job becomes, and what must be written with it. */
export interface JobChange {
  readonly job: JobRecord;
  readonly also: readonly RecordChange[];
}

/**
 * The one place where a job is changed: reads it, lets `decide` say what it becomes (undefined: it stays as it is), and
 * writes that only if nobody has changed it meanwhile; else it is decided anew. So of cancel and finish exactly one wins.
 *
 * @throws KilotuneError `not_found`; what `decide` throws
 */
export function changeJob(
  service: Service,
  tenant: TenantId,
  id: string,
  decide: (job: JobRecord) => JobChange | undefined | Promise<JobChange | undefined>,
): Promise<Job> {
  return untilFresh(async () => {
    const row = await readJob(service, tenant, id);
    const change = await decide(row.value);
    if (change === undefined) return asJob(row.value);
    const { status } = row.value;
    if (hasEnded(status) || (change.job.status !== status && !mayBecome(status, change.job.status)))
      throw new Error(`a job that is ${status} can't become ${change.job.status}`);
    await service.records.write(tenant, [JOBS.put(row.id, change.job, row), ...change.also]);
    return asJob(change.job);
  });
}

/** @throws KilotuneError `not_found` */
export async function readJob(service: Service, tenant: TenantId, id: string): Promise<Row<JobRecord>> {
  const known = parseId("job", id);
  const row = known && (await JOBS.read(service, tenant, known));
  if (row === undefined) throw notFound("job");
  return row;
}

export function asJob({ reservedModel: _, meteredAtMs: __, tuningMs, ...job }: JobRecord): Job {
  return { ...job, tuningSeconds: tuningMs / 1000 };
}

/** Adds the time since a running job was last metered. */
export function metered(service: Service, job: JobRecord, status: JobStatus): JobRecord {
  const now = service.clock.now().getTime();
  // A clock that was set back takes nothing away.
  const spent = job.meteredAtMs === null ? 0 : Math.max(0, now - job.meteredAtMs);
  const meteredAtMs = status === "running" ? now : null;
  return { ...job, status, tuningMs: job.tuningMs + spent, meteredAtMs };
}

export function jobEnded(status: JobStatus): KilotuneError {
  return new KilotuneError(
    "job_ended",
    `The job has ended already: ${status}.`,
    "Make a new job; the same files can be used.",
  );
}
