import { createHash } from "node:crypto";
import { isCodedError, type PromptId } from "@kilotune/contract";
import { addCheckpoint, type Progress, reportProgress } from "@kilotune/service";
import type { EpochCheckpoint, JobEvent } from "../job.ts";
import type { TaskHooks } from "../process/tasks.ts";
import type { Execution, StateContext } from "./context.ts";
import { progressOf } from "./progress-words.ts";
import { JobStopped } from "./state-error.ts";

export interface Watch {
  /**
   * Where a job is worked at in several places at once: what this one does, e.g. "Candidate 2 of 6". Its figures aren't
   * the job's, and it meters itself.
   */
  readonly part?: string;
}

/**
 * Does a task while its job's progress is told: news at once, steps at most every two seconds, and a sign of life where
 * there is nothing new. The task is stopped as soon as the job isn't running any more, whoever ended or paused it.
 *
 * @param scratch the task's folder, for its name to be left out of what is told
 * @throws JobStopped after the task has stopped; what the task throws
 */
export async function watched<T>(
  { service, signal: outer, log }: StateContext,
  { tenant, job }: Execution,
  scratch: string,
  task: (hooks: TaskHooks) => Promise<T>,
  { part, afterReport = async () => {} }: Watch & { readonly afterReport?: () => Promise<void> } = {},
): Promise<T> {
  const ended = new AbortController();
  const signal = AbortSignal.any([outer, ended.signal]);
  let latest: Progress = { message: "Starting." };
  let isTold = true;
  let telling = Promise.resolve();
  let waiting = 0;
  let meteredAt = performance.now();
  const ofPart = ({ message, level }: Progress): Progress => {
    const now = performance.now();
    const spentMs = now - meteredAt;
    meteredAt = now;
    return { message: `${part}: ${message}`, ...(level && { level }), spentMs };
  };

  const tell = (progress: Progress) => {
    waiting++;
    telling = telling.then(async () => {
      try {
        const now = await reportProgress(
          service,
          tenant,
          job,
          part === undefined ? progress : ofPart(progress),
        );
        if (now.status !== "running") ended.abort();
        else await afterReport();
      } catch (error) {
        // Erased with its tenant. Any other fault, a full disk say, mustn't end hours of work: the next report may do.
        if (isCodedError(error) && error.code === "not_found") ended.abort();
        else log(error);
      }
      waiting--;
    });
  };
  const tellLatest = () => {
    if (waiting > 0) return;
    // A sign of life repeats the words, not the figures.
    tell(isTold ? { message: latest.message } : latest);
    isTold = true;
  };
  const onEvent = (event: JobEvent) => {
    const told = progressOf(event, scratch);
    if (told === undefined) return;
    // A stage's last figures come before the next stage.
    if (told.isNews && !isTold) tell(latest);
    latest = told.progress;
    isTold = told.isNews;
    if (told.isNews) tell(told.progress);
  };

  const onCheckpoint = ({ step, metrics, bytes }: EpochCheckpoint) => {
    const promptId = createHash("sha256").update(bytes).digest("hex") as PromptId;
    telling = telling.then(async () => {
      // One more model to choose from, where there is room for it: the job is about the last one.
      await addCheckpoint(service, tenant, job, { step, metrics, promptId, bytes }).catch((error) => {
        if (!isCodedError(error)) log(error);
      });
    });
  };

  const timer = setInterval(tellLatest, PROGRESS_MS);
  try {
    return await task({ onEvent, onCheckpoint, signal });
  } catch (error) {
    throw signal.aborted ? new JobStopped("told to stop") : error;
  } finally {
    clearInterval(timer);
    if (!isTold && !signal.aborted) tell(latest);
    await telling;
  }
}

/** A little less than the two seconds that are promised. */
const PROGRESS_MS = 1800;
