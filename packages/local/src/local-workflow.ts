import type { JobId, TenantId } from "@kilotune/contract";
import { inSpan } from "@kilotune/contract/spans";
import type { Service } from "@kilotune/service";
import type { Workflow } from "@kilotune/store";
import { type Execution, JobStopped, STATES, type StateContext, tuneJobDefinition } from "@kilotune/worker";
import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";
import { FairQueue } from "./fair-queue.ts";

export interface LocalWorkflowOptions extends Omit<StateContext, "service" | "signal" | "turn"> {
  /** Jobs that tune at once. */
  readonly jobsAtOnce: number;
  /** Until an execution that failed as a whole (its failure couldn't be written, say) is started again. Default a minute. */
  readonly restartMs?: number;
}

/**
 * The state machine of Step Functions, in this process. An execution is no more than a promise: what must last is in the
 * job's record, and at start-up `restartJobs` starts every execution that was cut off.
 */
export class LocalWorkflow implements Workflow {
  readonly #options: LocalWorkflowOptions;
  readonly #machine: StateMachine;
  readonly #turns: FairQueue;
  /** Short work beside the tuning: it doesn't wait for hours, but neither does a hundredfold of it run at once. */
  readonly #checks = new FairQueue(2);
  readonly #running = new Map<JobId, Run>();
  #service: Service | undefined;
  #closed = false;

  constructor(options: LocalWorkflowOptions) {
    this.#options = options;
    this.#turns = new FairQueue(options.jobsAtOnce);
    const definition = tuneJobDefinition((state) => `arn:aws:lambda:local:000000000000:function:${state}`);
    this.#machine = new StateMachine(definition as StateMachineDefinition);
  }

  /** The service that the states call knows its workflow, and so is there only afterwards. */
  connect(service: Service): void {
    this.#service = service;
  }

  async start(tenant: TenantId, job: JobId): Promise<void> {
    this.#begin({ tenant, job });
  }

  async stop(tenant: TenantId, job: JobId): Promise<void> {
    const run = this.#running.get(job);
    if (run !== undefined) run.controller.abort(new JobStopped("the job is told to stop"));
    // A paused job that is cancelled: no state does more than the last one, which tells of it and tidies up.
    else this.#begin({ tenant, job });
  }

  async ended(_: TenantId, job: JobId): Promise<void> {
    await this.#running.get(job)?.done;
  }

  stats(): { readonly executions: number; readonly tuning: number; readonly waiting: number } {
    const { running, waiting } = this.#turns.stats();
    return { executions: this.#running.size, tuning: running, waiting };
  }

  /** Stops all executions, their jobs at a checkpoint, and waits for that. Their records say that they go on. */
  async close(): Promise<void> {
    this.#closed = true;
    const runs = [...this.#running.values()];
    for (const { controller } of runs) controller.abort(new JobStopped("this server shuts down"));
    await Promise.all(runs.map(({ done }) => done));
  }

  #begin(execution: Execution): void {
    if (this.#closed) return;
    const standing = this.#running.get(execution.job);
    if (standing !== undefined) {
      // Paused and resumed before it had stopped: once it has, it goes on.
      standing.again ||= standing.controller.signal.aborted;
      return;
    }
    const run: Run = { controller: new AbortController(), again: false, done: Promise.resolve() };
    this.#running.set(execution.job, run);
    run.done = this.#run(execution, run);
  }

  /** Never throws: nobody waits for it. */
  async #run(execution: Execution, run: Run): Promise<void> {
    const { signal } = run.controller;
    const { log, restartMs = 60_000 } = this.#options;
    let failed = false;
    try {
      await this.#machine.run(
        { ...execution },
        { overrides: { taskResourceLocalHandlers: this.#handlers(signal) } },
      ).result;
    } catch (error) {
      failed = true;
      log(error);
    }
    this.#running.delete(execution.job);
    if (run.again) this.#begin(execution);
    else if (failed && !signal.aborted) setTimeout(() => this.#begin(execution), restartMs).unref();
  }

  #handlers(signal: AbortSignal) {
    const service = this.#service as Service;
    const context: StateContext = {
      ...this.#options,
      service,
      signal,
      turn: async (tenant, stopped, work) => {
        const begun = Promise.withResolvers<void>();
        const done = this.#turns.run(tenant, stopped, () => {
          begun.resolve();
          return work();
        });
        await inSpan("turn", {}, () => Promise.race([begun.promise, done]));
        return done;
      },
    };
    const handlers = Object.entries(STATES).map(([name, state]) => {
      const call = (input: unknown) => state(context, input);
      if (!CHECKS.has(name)) return [name, call];
      const inTurn = (input: unknown) =>
        this.#checks.run((input as Execution).tenant, signal, () => call(input));
      return [name, inTurn];
    });
    return Object.fromEntries(handlers) as Record<string, (input: unknown) => Promise<null>>;
  }
}

const CHECKS: ReadonlySet<string> = new Set(["Validate", "Evaluate"] satisfies (keyof typeof STATES)[]);

interface Run {
  readonly controller: AbortController;
  /** Started again while it was stopping. */
  again: boolean;
  done: Promise<void>;
}
