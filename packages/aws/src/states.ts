import { getJob, type Job, type Service, webhookSender } from "@kilotune/service";
import {
  type Compute,
  type Execution,
  JobStopped,
  parseExecution,
  STATES,
  type StateContext,
} from "@kilotune/worker";
import { forgetFailure, keepFailure, readFailure, withoutWords } from "./failure.ts";
import { logFault, logLine, observed } from "./observe.ts";

export interface StateOptions {
  readonly service: Service;
  readonly scratch: string;
  /** Left out where a state computes nothing. */
  readonly compute?: Compute;
}

export type StateName = Exclude<keyof typeof STATES, "Try" | "Tune">;

/**
 * A state of a job as a function of its own: the input as Step Functions has it -> its output, or an error by name. What went
 * wrong in words, it leaves with the job; see `failure.ts`.
 */
export function stateHandler(name: StateName, { service, scratch, compute = NO_COMPUTE }: StateOptions) {
  const context: StateContext = {
    service,
    compute,
    scratch,
    // A state ends with its job, which it looks at, or where Lambda ends it.
    signal: new AbortController().signal,
    turn: (_, __, work) => work(),
    send: webhookSender(),
    log: logFault,
  };
  return (input: unknown): Promise<unknown> =>
    observed(name, async () => {
      const execution = parseExecution(input);
      const { stop = false, failure } = (input ?? {}) as { stop?: boolean; failure?: Failure };
      // An execution that was only to do the last state: see `stepFunctionsWorkflow`.
      if (stop && name === "Validate") throw new JobStopped("the job was told to stop");
      const given =
        name === "Fail" ? { ...execution, failure: await withWords(service, execution, failure) } : input;
      let output: unknown;
      try {
        output = await STATES[name](context, given);
        logLine("state", { state: name, ...execution });
        if (name !== "Notify") await forgetFailure(service, execution);
      } catch (error) {
        throw await told(service, execution, name, error as Error);
      }
      if (stop && name === "Notify") await goOnUnlessStopped(service, execution);
      return output;
    });
}

interface Failure {
  readonly Error?: unknown;
  readonly Cause?: unknown;
}

/** What Step Functions knows of a failure is its name. A timeout is its own, whatever a state said before it. */
async function withWords(service: Service, execution: Execution, failure: Failure = {}): Promise<Failure> {
  if (failure.Error === "States.Timeout") return failure;
  return (await readFailure(service, execution)) ?? { Error: failure.Error };
}

async function told(service: Service, execution: Execution, state: StateName, error: Error): Promise<Error> {
  logLine("state", { state, ...execution, error: error.name });
  // Nothing failed; its words are ours.
  if (error.name === "JobStopped") return error;
  // Where even that can't be written, the tenant is told that it failed, and no more.
  await keepFailure(service, execution, error).catch(logFault);
  return withoutWords(error);
}

/** Resumed between the order to stop and the end of what ran: nobody else would know that it has to go on. */
async function goOnUnlessStopped(service: Service, { tenant, job }: Execution): Promise<void> {
  const now = await getJob(service, tenant, job).catch(() => undefined);
  if (now !== undefined && GOING_ON.has(now.status)) await service.workflow.start(tenant, job);
}

const GOING_ON: ReadonlySet<Job["status"]> = new Set(["validating_files", "queued", "running"]);

const nothing = async (): Promise<never> => {
  throw new Error("this function has no backbone");
};
const NO_COMPUTE: Compute = { tune: nothing, measure: nothing, answer: nothing };
