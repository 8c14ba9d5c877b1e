import type { ChildProcess } from "node:child_process";
import { constants, setPriority } from "node:os";
import { KilotuneError } from "@kilotune/contract";
import type { Device } from "@kilotune/engine/node";
import { WorkerDied } from "../states/state-error.ts";
import { forkChild } from "./fork-child.ts";
import type { FromChild, ToChild } from "./messages.ts";
import type {
  AnswerTaskResult,
  AnyTask,
  AnyTaskResult,
  Compute,
  TaskHooks,
  TrialTaskResult,
  TuneTaskResult,
} from "./tasks.ts";
import { errorOf } from "./told-error.ts";

export interface ChildComputeOptions {
  /** Folders of the backbones' bundles, by id. */
  readonly bundles: ReadonlyMap<string, string>;
  /** Of the child, for one run of a graph. */
  readonly threads: number;
  /** Where the child's graphs run; `auto`: on an NVIDIA card where there is one. The job is told which. Default: the CPU. */
  readonly device?: Device | "auto";
  /** Of the child, as `nice` has it. Default 19: it takes what the server leaves. */
  readonly priority?: number;
  /** A child that hangs: nothing was heard of it for so long. It's killed, and whoever tries again goes on from its checkpoint. */
  readonly silentMs?: number;
}

/**
 * Each task in a process of its own, at a low priority: the server answers meanwhile, and what the work takes, a
 * crash of native code included, ends with it.
 */
export function childCompute(options: ChildComputeOptions): Compute {
  return {
    tune: (task, hooks) => inChild<TuneTaskResult>(task, hooks, options),
    measure: (task, hooks) => inChild<TrialTaskResult>(task, hooks, options),
    answer: (task, hooks) => inChild<AnswerTaskResult>(task, hooks, options),
  };
}

async function inChild<Result extends AnyTaskResult>(
  task: AnyTask,
  { onEvent, onCheckpoint, signal }: TaskHooks,
  {
    bundles,
    threads,
    device,
    priority = constants.priority.PRIORITY_LOW,
    silentMs = SILENT_MS,
  }: ChildComputeOptions,
): Promise<Result> {
  const bundle = bundles.get(task.backbone);
  if (bundle === undefined) throw noBackbone();
  const { child, complaints } = forkChild(new URL("./child.ts", import.meta.url));
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const heartbeat = setTimeout(() => {
    reject(new WorkerDied(`silent for ${silentMs / 1000} s`, complaints()));
    child.kill("SIGKILL");
  }, silentMs);
  child.on("error", reject);
  child.on("message", (message: FromChild) => {
    heartbeat.refresh();
    if (message.kind === "event") onEvent(message.event);
    else if (message.kind === "checkpoint") onCheckpoint?.(message.checkpoint);
    else if (message.kind === "done") resolve(message.result as Result);
    else reject(errorOf(message.error));
  });
  // `close` comes after the last message: a child that told its end has settled this already.
  child.on("close", (code, by) => reject(new WorkerDied(by ?? `exit code ${code}`, complaints())));
  const stop = () => stopChild(child);
  signal.addEventListener("abort", stop, { once: true });
  try {
    lowerPriority(child, priority);
    say(child, { kind: "start", task, bundle, threads, device });
    if (signal.aborted) stop();
    return await promise;
  } finally {
    clearTimeout(heartbeat);
    signal.removeEventListener("abort", stop);
    if (child.exitCode === null && child.signalCode === null) {
      const killer = setTimeout(() => child.kill("SIGKILL"), END_MS);
      child.once("close", () => clearTimeout(killer));
    }
  }
}

/** Asked, so that it leaves a checkpoint; a step is short. Killed where it doesn't hear: the last checkpoint stays. */
function stopChild(child: ChildProcess): void {
  say(child, { kind: "stop" });
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  child.once("close", () => clearTimeout(killer));
}

function say(child: ChildProcess, message: ToChild): void {
  // A child that is gone can't be told: its end is heard elsewhere.
  if (child.connected) child.send(message, () => {});
}

function lowerPriority({ pid }: ChildProcess, priority: number): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, priority);
  } catch {
    // It ended already, or the system doesn't allow it: slower answers meanwhile, no more.
  }
}

function noBackbone(): KilotuneError {
  return new KilotuneError(
    "model_not_found",
    "The job's model isn't served here any more.",
    "Make a job with another model.",
  );
}

/** The slowest step on the largest rows is seconds. */
const SILENT_MS = 3_600_000;
const STOP_MS = 20_000;
/** For a child that has said its last word. */
const END_MS = 5_000;
