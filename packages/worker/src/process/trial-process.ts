import type { JobEvent } from "../job.ts";
import { WorkerDied } from "../states/state-error.ts";
import { forkChild } from "./fork-child.ts";
import { errorOf } from "./told-error.ts";
import type { FromTrialChild, Question, ToTrialChild } from "./trial-messages.ts";

/** A process that tries candidates, as the sweep sees it. */
export interface TrialProcess {
  readonly pid: number | undefined;
  readonly isDead: boolean;
  /** One question at a time. @throws WorkerDied; KilotuneError as the work throws */
  ask(
    question: Question,
    onEvent: (event: JobEvent) => void,
  ): Promise<{ answer: unknown; peakBytes: number }>;
  /** Has it leave a checkpoint; killed where it doesn't hear. What was asked ends with `interrupted`. */
  stop(): void;
  /** Resolves once it is gone. */
  end(): Promise<void>;
}

export function startTrialProcess(job: ToTrialChild & { readonly kind: "job" }): TrialProcess {
  const { child, complaints } = forkChild(new URL("./trial-child.ts", import.meta.url));
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  let death: Error | undefined;
  let asked: { settle: (message: FromTrialChild) => void; die: (error: Error) => void } | undefined;
  const die = (error: Error) => {
    death ??= error;
    asked?.die(death);
    close();
  };
  child.on("error", die);
  child.on("message", (message: FromTrialChild) => asked?.settle(message));
  // `close` comes after the last message.
  child.on("close", (code, by) => die(new WorkerDied(by ?? `exit code ${code}`, complaints())));
  const say = (message: ToTrialChild) => {
    if (child.connected) child.send(message, () => {});
  };
  const killAfter = (milliseconds: number) => {
    const killer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
    void closed.then(() => clearTimeout(killer));
  };
  say(job);
  return {
    pid: child.pid,
    get isDead() {
      return death !== undefined;
    },
    async ask(question, onEvent) {
      if (death) throw death;
      const { promise, resolve, reject } = Promise.withResolvers<FromTrialChild & { kind: "answer" }>();
      asked = {
        die: reject,
        settle(message) {
          if (message.kind === "event") onEvent(message.event);
          else if (message.kind === "answer") resolve(message);
          else reject(errorOf(message.error));
        },
      };
      say(question);
      try {
        return await promise;
      } finally {
        asked = undefined;
      }
    },
    stop() {
      say({ kind: "stop" });
      killAfter(STOP_MS);
    },
    end() {
      say({ kind: "end" });
      if (!death) killAfter(END_MS);
      return closed;
    },
  };
}

const STOP_MS = 20_000;
/** For one that has nothing left to do. */
const END_MS = 5_000;
