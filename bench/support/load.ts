import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Call } from "./ask.ts";

export interface LoadPlan {
  readonly url: string;
  readonly connections: number;
  /** Taken in turns. */
  readonly calls: readonly Call[];
  readonly seconds: number;
  /**
   * Calls begin by the clock, and their time counts from when they should have begun, so that a server's pause isn't
   * measured once where it would have met many. Left out: every connection asks again as soon as it was answered.
   */
  readonly perSecond?: number;
}

export interface Load {
  readonly answers: number;
  /** Answers that weren't a 200, and lines that broke. */
  readonly failures: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** From a process of its own: one that also served, or computed, would measure itself. */
export async function load(plan: LoadPlan): Promise<Load> {
  const child = fork(path.join(import.meta.dirname, "load-process.ts"));
  const answer = once(child, "message").then(([result]) => result as Load);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the load's process ended with ${code}`);
  });
  ended.catch(() => {});
  child.send(plan);
  return Promise.race([answer, ended]);
}
