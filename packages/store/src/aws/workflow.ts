import { randomUUID } from "node:crypto";
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
  ValidationException,
} from "@aws-sdk/client-sfn";
import { type BatchId, type JobId, parseId, type TenantId } from "@kilotune/contract";
import type { Workflow } from "../ports/workflow.ts";
import { withStoreErrors } from "./aws-error.ts";
import { AGAIN, untilDone } from "./until-done.ts";

/** What an execution begins with. */
export type ExecutionInput =
  /** `stop`: nothing more is to be done than the last state; `order` tells the orders apart. */
  | { readonly tenant: TenantId; readonly job: JobId; readonly stop?: true; readonly order?: string }
  | { readonly tenant: TenantId; readonly batch: BatchId };

/**
 * Executions of two state machines of Step Functions. Since a name can't be used again for 90 days, a job's first
 * execution has its id as its name, the next `<id>.2` and so on: of several starts at once one makes the next, the
 * others find it running.
 *
 * A stopped job's execution is aborted, which ends its container too; another, `<id>.end`, does the last state: one for
 * each order, since one that runs already may have looked at the job before it (paused, and then cancelled). A batch
 * looks after each piece whether it was cancelled: to stop it is to see that it runs.
 */
export function stepFunctionsWorkflow(options: {
  readonly client: SFNClient;
  /** ARNs of the state machines. */
  readonly jobs: string;
  readonly batches: string;
}): Workflow {
  const { client, jobs, batches } = options;
  const machineOf = (id: JobId | BatchId) => (isBatch(id) ? batches : jobs);
  const begin = async (machine: string, series: string, input: ExecutionInput, isAnother = false) => {
    if (await isStarted(client, machine, series, input)) return;
    // Step Functions tells of an execution some moments late: a name may be taken by one that isn't seen yet.
    await untilDone(async () => {
      const last = await lastAttempt(client, machine, series);
      if (!isAnother && (await statusOf(client, machine, nameOf(series, last))) === "RUNNING")
        return undefined;
      return (await isStarted(client, machine, nameOf(series, last + 1), input)) ? undefined : AGAIN;
    });
  };
  return withStoreErrors<Workflow>({
    start: (tenant, id) => begin(machineOf(id), id, inputOf(tenant, id)),
    async stop(tenant, id) {
      if (isBatch(id)) return begin(batches, id, inputOf(tenant, id));
      const attempt = await lastAttempt(client, jobs, id);
      if (attempt > 0) await abort(client, jobs, nameOf(id, attempt));
      await begin(jobs, `${id}.end`, { tenant, job: id, stop: true, order: randomUUID() }, true);
    },
  });
}

function isBatch(id: JobId | BatchId): id is BatchId {
  return parseId("batch", id) !== undefined;
}

function inputOf(tenant: TenantId, id: JobId | BatchId): ExecutionInput {
  return isBatch(id) ? { tenant, batch: id } : { tenant, job: id };
}

function nameOf(series: string, attempt: number): string {
  return attempt === 1 ? series : `${series}.${attempt}`;
}

/** false: the name is taken. One that runs under it with the same input, AWS answers as if it were new. */
async function isStarted(client: SFNClient, stateMachineArn: string, name: string, input: ExecutionInput) {
  try {
    await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
    return true;
  } catch (error) {
    if (error instanceof ExecutionAlreadyExists) return false;
    throw error;
  }
}

/** The number of the last execution of a series; 0 where there is none. In about twice its logarithm of calls. */
async function lastAttempt(client: SFNClient, machine: string, series: string): Promise<number> {
  const exists = async (attempt: number) =>
    (await statusOf(client, machine, nameOf(series, attempt))) !== undefined;
  let above = 1;
  while (await exists(above)) above *= 2;
  let last = Math.floor(above / 2);
  while (above - last > 1) {
    const middle = Math.floor((last + above) / 2);
    if (await exists(middle)) last = middle;
    else above = middle;
  }
  return last;
}

async function statusOf(client: SFNClient, machine: string, name: string): Promise<string | undefined> {
  try {
    const found = await client.send(new DescribeExecutionCommand({ executionArn: arnOf(machine, name) }));
    return found.status;
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return undefined;
    throw error;
  }
}

async function abort(client: SFNClient, machine: string, name: string): Promise<void> {
  try {
    await client.send(
      new StopExecutionCommand({
        executionArn: arnOf(machine, name),
        error: "JobStopped",
        cause: "the job is told to stop",
      }),
    );
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof ValidationException) && !(error instanceof ExecutionDoesNotExist)) throw error;
  }
}

/** `arn:aws:states:<region>:<account>:stateMachine:<name>` -> that of an execution. */
function arnOf(machine: string, name: string): string {
  return `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
}
