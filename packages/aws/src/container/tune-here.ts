import { getJob, type Service, webhookSender } from "@kilotune/service";
import { type Compute, type Execution, STATES, type StateContext, type TaskHooks } from "@kilotune/worker";
import { forgetFailure, keepFailure } from "../failure.ts";
import { logFault, logLine } from "../observe.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

export interface TuneHereOptions {
  readonly service: Service;
  readonly compute: Compute;
  /** Of a job with a sweep: this candidate is tried. Left out: the job is tuned. */
  readonly trial?: string;
  /** Folder that may be written to. */
  readonly scratch: string;
  /** Aborted where this machine goes away. */
  readonly stop: AbortSignal;
}

/**
 * The state `Tune` or `Try` of a job as the one thing that this process does. Batch hands on no more than an exit code, so what a
 * job's failure was is written into its record here; see `EXIT`.
 */
export async function tuneHere(
  execution: Execution,
  { service, compute, trial, scratch, stop }: TuneHereOptions,
): Promise<ExitCode> {
  const context: StateContext = {
    service,
    compute: {
      ...compute,
      tune: tellingDevice(compute.tune, execution),
      measure: tellingDevice(compute.measure, execution),
    },
    scratch,
    signal: stop,
    // Batch's queue has seen to that.
    turn: (_, __, work) => work(),
    send: webhookSender(),
    log: logFault,
  };
  const state = trial === undefined ? "Tune" : "Try";
  const input = trial === undefined ? execution : { ...execution, trial };
  const ended = (exitCode: ExitCode, error?: Error) => {
    logLine("state", { state, ...input, exitCode, ...(error && { error: error.name }) });
    return exitCode;
  };
  try {
    await STATES[state](context, input);
    await forgetFailure(service, execution).catch(logFault);
    return ended(EXIT.done);
  } catch (thrown) {
    const error = thrown as Error;
    if (error.name === "JobStopped")
      return ended((await isInterrupted(stop, service, execution)) ? EXIT.interrupted : EXIT.done, error);
    if (error.name === "JobFailed") return ended(await writeDown(context, execution, error), error);
    // Should it be the last try, the state machine's own end of the job finds the words there.
    await keepFailure(service, execution, error).catch(logFault);
    return ended(EXIT.tryAgain, error);
  }
}

/** Told to stop while the job is to go on. Cancelled or paused jobs stop their container, too. */
async function isInterrupted(
  stop: AbortSignal,
  service: Service,
  { tenant, job }: Execution,
): Promise<boolean> {
  if (!stop.aborted) return false;
  try {
    const { status } = await getJob(service, tenant, job);
    return status === "running" || status === "queued";
  } catch (error) {
    logFault(error);
    return true;
  }
}

async function writeDown(context: StateContext, execution: Execution, error: Error): Promise<ExitCode> {
  try {
    await STATES.Fail(context, { ...execution, failure: { Error: error.name, Cause: error.message } });
    return EXIT.done;
  } catch (thrown) {
    await keepFailure(context.service, execution, error).catch(logFault);
    return (thrown as Error).name === "TryAgain" ? EXIT.tryAgain : EXIT.unforeseen;
  }
}

/** Why it is this device is the operator's: it may quote paths of the machine. */
function tellingDevice<Task, Result>(
  work: (task: Task, hooks: TaskHooks) => Promise<Result>,
  execution: Execution,
): (task: Task, hooks: TaskHooks) => Promise<Result> {
  return (task, hooks) =>
    work(task, {
      ...hooks,
      onEvent(event) {
        if (event.kind === "device") {
          const { device, because } = event;
          logLine("device", { ...execution, device, because });
        }
        hooks.onEvent(event);
      },
    });
}
