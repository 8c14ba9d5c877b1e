import { KilotuneError } from "@kilotune/contract";
import { interrupted } from "../interrupted.ts";
import type { DataSource, JobEvent, JobHooks, TuneJob } from "../job.ts";
import { WorkerDied } from "../states/state-error.ts";
import type { Trials } from "../trials.ts";
import type { DataFile } from "./tasks.ts";
import type { Question, TrialJob } from "./trial-messages.ts";
import { startTrialProcess, type TrialProcess } from "./trial-process.ts";

export interface Parallel {
  /** At most. */
  readonly processes: number;
  /**
   * Of all of them. The first one is measured before others start, and those that don't fit are ended; one always runs.
   * Left out: as many as `processes` says, whatever they take.
   */
  readonly memoryBytes?: number;
  /** Of each, for one run of a graph. */
  readonly threads: number;
  /** Folder of the job's backbone. */
  readonly bundle: string;
}

/**
 * Each process prepares the rows for itself and tries one candidate at a time; a candidate may go on in another one, from its
 * checkpoint. Where one dies, its candidate is tried once more; the second time ends the sweep with `worker_died`.
 *
 * @throws KilotuneError `bad_sweep` where the job isn't of files of texts: other processes couldn't read it
 */
export function trialsInChildren(job: TuneJob, parallel: Parallel, hooks: JobHooks): Trials {
  const { bundle, threads } = parallel;
  const start = { kind: "job", job: trialJobOf(job), bundle, threads } as const;
  const crew = new Map<TrialProcess, Member>();
  const waiting: Waiting[] = [];
  /** What is being worked on. */
  const under = new Set<Promise<void>>();
  const ends: Promise<void>[] = [];
  let peakBytes = 0;
  let isClosing = false;

  const note = (words: string) => hooks.onEvent?.({ kind: "note", words });
  const isStopped = () => isClosing || hooks.signal?.aborted === true;
  const stopped = () => interrupted(`stopped; what was measured is in ${job.checkpoints}`);
  const dismiss = (member: TrialProcess) => {
    crew.delete(member);
    ends.push(member.end());
  };
  const idle = () => [...crew].filter(([, { isBusy }]) => !isBusy);

  /** Hands out what waits, as far as there are processes for it. */
  function handOut(): void {
    for (const [member] of idle()) if (member.isDead) crew.delete(member);
    const most = mostProcesses(parallel, peakBytes);
    for (const [member] of idle()) if (crew.size > most) dismiss(member);
    while (waiting.length > 0 && !isStopped()) {
      const free = idle();
      const layerOf = ({ question }: Waiting) => question.candidate.firstLayer;
      // Rather one that has the candidate's lower layers than one that has to compute them.
      const [ready] = free.filter(([, { layer }]) => waiting.some((each) => layerOf(each) === layer));
      const at = ready ? waiting.findIndex((each) => layerOf(each) === ready[1].layer) : 0;
      const [member] = ready ?? (crew.size < most ? [startTrialProcess(start)] : (free[0] ?? []));
      if (member === undefined) return;
      const [next] = waiting.splice(at, 1) as [Waiting];
      crew.set(member, { isBusy: true, layer: layerOf(next) });
      const working = work(member, next);
      under.add(working);
      void working.then(() => under.delete(working));
    }
  }

  async function work(member: TrialProcess, asked: Waiting): Promise<void> {
    const { question } = asked;
    // What is told of opening the job is told once; of the others only what went wrong.
    const onEvent = (event: JobEvent) => {
      if (question.kind === "facts" || event.kind === "note") hooks.onEvent?.(event);
    };
    try {
      const told = await member.ask(question, onEvent);
      peakBytes = Math.max(peakBytes, told.peakBytes);
      asked.resolve(told.answer);
    } catch (error) {
      if (!(error instanceof WorkerDied)) asked.reject(error);
      else if (isStopped()) asked.reject(stopped());
      else if (asked.isSecond) asked.reject(died(member, question, error));
      else {
        note(`${died(member, question, error).message} It is tried once more.`);
        waiting.unshift({ ...asked, isSecond: true });
      }
    }
    crew.set(member, { isBusy: false, layer: question.candidate.firstLayer });
    handOut();
  }

  const ask = <Answer>(question: Question): Promise<Answer> => {
    if (isStopped()) return Promise.reject(stopped());
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.push({ question, resolve, reject, isSecond: false });
    handOut();
    return promise as Promise<Answer>;
  };
  const stop = () => {
    for (const { reject } of waiting.splice(0)) reject(stopped());
    for (const [member, { isBusy }] of crew) if (isBusy) member.stop();
  };
  hooks.signal?.addEventListener("abort", stop, { once: true });
  return {
    facts: (candidate) => ask({ kind: "facts", candidate }),
    measure: (candidate, rung, index) => ask({ kind: "measure", candidate, rung, index }),
    async [Symbol.asyncDispose]() {
      hooks.signal?.removeEventListener("abort", stop);
      isClosing = true;
      if (!hooks.signal?.aborted) stop();
      // Those that are at work leave a checkpoint first.
      await Promise.all(under);
      for (const [member] of [...crew]) dismiss(member);
      await Promise.all(ends);
    },
  };
}

/** Of one process. */
interface Member {
  readonly isBusy: boolean;
  /** The first layer whose lower layers it has computed. */
  readonly layer: number | undefined;
}

interface Waiting {
  readonly question: Question;
  /** The process that had it died. */
  readonly isSecond: boolean;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

function mostProcesses({ processes, memoryBytes }: Parallel, peakBytes: number): number {
  if (memoryBytes === undefined) return processes;
  if (peakBytes === 0) return 1;
  return Math.min(processes, Math.max(1, Math.floor(memoryBytes / peakBytes)));
}

function died({ pid }: TrialProcess, { candidate }: Question, error: WorkerDied): KilotuneError {
  return new KilotuneError(
    "worker_died",
    `The process ${pid} that tried ${JSON.stringify(candidate)} ended before its work was done (${error.seen}).`,
    "Where memory is short, try fewer at once (--parallel, --memory). --resume goes on from what was measured.",
    { kind: "machine", retryable: true, cause: error },
  );
}

function trialJobOf(job: TuneJob): TrialJob {
  if (job.input === "image") throw notOfFiles("images");
  const { backbone: _, train, validation, test, otherTests: __, ...rest } = job;
  return {
    ...rest,
    train: dataFileOf(train),
    ...(validation === undefined ? {} : { validation: dataFileOf(validation) }),
    ...(test === undefined ? {} : { test: dataFileOf(test) }),
  };
}

function dataFileOf({ path, name, format }: DataSource): DataFile {
  if (path === undefined) throw notOfFiles(`${name}, which isn't a file`);
  return { path, name, format };
}

function notOfFiles(seen: string): KilotuneError {
  return new KilotuneError(
    "bad_sweep",
    `expected files of texts, for other processes to read, saw ${seen}`,
    "Leave out --parallel.",
    { kind: "usage" },
  );
}
