import { isCodedError, parseId, parseTenantId } from "@kilotune/contract";
import { getJob, type Job, type JobStatus } from "@kilotune/service";
import type { Execution, StateContext } from "./context.ts";
import { asStateError, JobStopped } from "./state-error.ts";

/** As the state machine calls it: JSON in, JSON out, errors by name. Only `Validate` has something to say. */
export type State<Output = null> = (context: StateContext, input: unknown) => Promise<Output>;

/** Parses what comes in and names what goes wrong; in between the state itself. A repeated state must be harmless. */
export function state<Output = void>(
  run: (
    context: StateContext,
    execution: Execution,
    input: Readonly<Record<string, unknown>>,
  ) => Promise<Output>,
): State<Output extends void ? null : Output> {
  return async (context, input) => {
    try {
      const output = await run(context, parseExecution(input), input as Record<string, unknown>);
      return (output ?? null) as Output extends void ? null : Output;
    } catch (error) {
      throw asStateError(error, context.log);
    }
  };
}

/** @throws JobStopped where the job isn't in one of these states any more: cancelled, paused, erased, ended by a repeat */
export async function jobThatIs(
  { service }: StateContext,
  { tenant, job: id }: Execution,
  wanted: readonly JobStatus[],
): Promise<Job> {
  const job = await unlessErased(getJob(service, tenant, id));
  return stillWanted(job, wanted);
}

export function stillWanted(job: Job, wanted: readonly JobStatus[]): Job {
  if (!wanted.includes(job.status)) throw new JobStopped(`the job is ${job.status}`);
  return job;
}

/** A job that isn't there was erased with its tenant. */
export async function unlessErased<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (isCodedError(error) && error.code === "not_found") throw new JobStopped("the job is gone");
    throw error;
  }
}

/** @throws Error where it isn't what an execution begins with */
export function parseExecution(input: unknown): Execution {
  const { tenant, job } = (input ?? {}) as Record<string, unknown>;
  const parsed = {
    tenant: parseTenantId(String(tenant)),
    job: parseId("job", String(job)),
  };
  if (parsed.tenant === undefined || parsed.job === undefined)
    throw new Error("an execution begins with {tenant, job}");
  return parsed as Execution;
}
