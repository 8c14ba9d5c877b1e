import type { JobId, TenantId } from "@kilotune/contract";
import type { Prng } from "@kilotune/dataset";
import { getJob, hasEnded, type Service } from "@kilotune/service";
import type { Workflow } from "@kilotune/store";
import { type Compute, JobStopped, STATES, type StateContext, tuneJobDefinition } from "@kilotune/worker";
import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";
import type { Actor, Turns } from "./turns.ts";

/** What may become of a state's call, as of a Lambda function's or a container's. */
export const FATES = ["plain", "twice", "late", "lost", "killed"] as const;
export type Fate = (typeof FATES)[number];

/**
 * Executions of the real state machine and the real states, over a cloud at its worst: a call is delivered twice, goes on
 * after its time is over and its retry has begun, is done but its answer is lost, or dies at any of its steps; an
 * execution that is stopped leaves what it has called running, told or not; the next one begins beside it.
 */
export class HostileWorkflow implements Workflow {
  readonly #turns: Turns;
  readonly #random: Prng;
  readonly #machine: StateMachine;
  readonly #context: Pick<StateContext, "compute" | "scratch" | "send">;
  /** By name. */
  readonly #executions = new Map<string, Execution>();
  readonly fates = new Map<Fate, number>();
  readonly logged: unknown[] = [];
  #stops = 0;
  /** From now on nothing goes wrong any more. */
  isCalm = false;
  #service: Service | undefined;

  constructor(
    turns: Turns,
    random: Prng,
    context: { readonly compute: Compute; readonly scratch: string; readonly send: StateContext["send"] },
  ) {
    this.#turns = turns;
    this.#random = random;
    this.#context = context;
    const definition = tuneJobDefinition((name) => `arn:aws:lambda:local:000000000000:function:${name}`);
    this.#machine = new StateMachine(definition as StateMachineDefinition);
  }

  connect(service: Service): void {
    this.#service = service;
  }

  async start(tenant: TenantId, id: JobId): Promise<void> {
    this.#begin(id, { tenant, job: id });
  }

  /** As `stepFunctionsWorkflow`: what runs is aborted, and another execution does the last state. */
  async stop(tenant: TenantId, id: JobId): Promise<void> {
    const running = this.#executions.get(id);
    this.#executions.delete(id);
    running?.abort?.();
    // What it has called is told to end, as a container is, or isn't, as a function.
    if (this.#random.uniform() < 0.5) running?.stop.abort(new JobStopped("the job is told to stop"));
    this.#begin(`${id}.end.${++this.#stops}`, { tenant, job: id, stop: true });
  }

  #begin(name: string, input: Input): void {
    if (this.#executions.has(name)) return;
    const execution: Execution = { stop: new AbortController() };
    this.#executions.set(name, execution);
    const run = this.#turns.start({ name, isDead: false }, async () => {
      const { abort, result } = this.#machine.run(
        { ...input },
        {
          noThrowOnAbort: true,
          overrides: {
            taskResourceLocalHandlers: this.#handlers(execution),
            retryIntervalOverrides: Object.fromEntries(Object.keys(STATES).map((state) => [state, 0])),
          },
        },
      );
      execution.abort = abort;
      await result;
    });
    run
      // A failure that couldn't be written: whoever looks after it starts it again.
      .catch((error) => this.logged.push(error))
      .finally(() => this.#executions.get(name) === execution && this.#executions.delete(name));
  }

  #handlers(execution: Execution) {
    const context = this.#stateContext(execution.stop.signal);
    const handlers = Object.entries(STATES).map(([name, state]) => {
      const call = async (input: Input) => {
        if (input.stop && name === "Validate") throw new JobStopped("the job was told to stop");
        const answer = await state(context, input);
        if (input.stop && name === "Notify") await this.#goOnUnlessStopped(input);
        return answer;
      };
      return [
        name,
        (input: unknown) =>
          this.#suffer(name, (actor) => this.#turns.start(actor, () => call(input as Input))),
      ];
    });
    return Object.fromEntries(handlers) as Record<string, (input: unknown) => Promise<null>>;
  }

  /** The one call of a state that the state machine knows of, and what really happens. */
  async #suffer<Output>(name: string, call: (actor: Actor) => Promise<Output>): Promise<Output> {
    const fate = this.isCalm || this.#random.uniform() < 0.6 ? "plain" : this.#draw();
    this.fates.set(fate, (this.fates.get(fate) ?? 0) + 1);
    const actor = { name: `${name} (${fate})`, isDead: false };
    const done = call(actor);
    if (fate === "plain") return done;
    if (fate === "twice") {
      const second = call({ name: `${name} (second)`, isDead: false });
      return first(done, second);
    }
    if (fate === "lost") {
      await done;
      throw lost(name);
    }
    // Somewhere on its way.
    const left = this.#random.integer(30);
    const over = this.#turns.start({ name: `${name}'s time`, isDead: false }, async () => {
      for (let each = 0; each < left; each++) await this.#turns.gate();
      if (fate === "killed") actor.isDead = true;
      throw lost(name);
    });
    return first(done, over);
  }

  /** As the function `notify` does: resumed while the order to stop was under way. */
  async #goOnUnlessStopped({ tenant, job }: Input): Promise<void> {
    const { status } = await getJob(this.#service as Service, tenant, job);
    if (status !== "paused" && !hasEnded(status)) await this.start(tenant, job);
  }

  #draw(): Fate {
    return FATES[this.#random.integer(FATES.length)] as Fate;
  }

  #stateContext(signal: AbortSignal): StateContext {
    return {
      ...this.#context,
      service: this.#service as Service,
      signal,
      turn: (_, __, work) => work(),
      log: (error) => this.logged.push(error),
    };
  }
}

interface Input {
  readonly tenant: TenantId;
  readonly job: JobId;
  readonly stop?: true;
}

interface Execution {
  readonly stop: AbortController;
  abort?: () => void;
}

/** What Step Functions hears of a function, or a container, that it has lost. */
function lost(name: string): Error {
  const error = new Error(`${name}: nothing is heard of it any more`);
  error.name = name === "Tune" || name === "Evaluate" ? "WorkerDied" : "Lambda.ServiceException";
  return error;
}

/** The other one's error is nobody's. */
function first<T>(...calls: readonly Promise<T>[]): Promise<T> {
  for (const call of calls) call.catch(() => {});
  return Promise.race(calls);
}
