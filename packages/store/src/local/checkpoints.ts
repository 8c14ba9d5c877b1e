import { once } from "node:events";
import { Worker } from "node:worker_threads";

const WRITES_BETWEEN = 500;

/**
 * Moves what SQLite's log holds into its database. That waits for the disk, 20 to 60 ms in which the server would answer
 * nobody; so a thread does it, started at the first need.
 */
export class Checkpoints {
  readonly #file: string;
  /** 1 while the thread tidies up. Shared memory, since a writer that never waits would never hear a message. */
  readonly #tidying = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | undefined;
  #last: Promise<void> = Promise.resolve();
  #writes = 0;

  constructor(file: string) {
    this.#file = file;
  }

  afterWrite(): void {
    if (++this.#writes % WRITES_BETWEEN !== 0 || Atomics.exchange(this.#tidying, 0, 1) === 1) return;
    this.#thread().postMessage("tidy" satisfies CheckpointRequest);
  }

  /** The log holds nothing any more, of deleted records neither. */
  empty(): Promise<void> {
    return this.#ask("empty");
  }

  async close(): Promise<void> {
    if (this.#worker !== undefined) await this.#ask("close").catch(() => {});
  }

  /** One question at a time, since answers don't say to which they belong. */
  #ask(request: CheckpointRequest): Promise<void> {
    const answer = this.#last.then(async () => {
      const worker = this.#thread();
      worker.ref();
      try {
        worker.postMessage(request);
        const [failure] = (await once(worker, "message")) as [CheckpointFailure | undefined];
        if (failure !== undefined)
          throw Object.assign(new Error(failure.message), { errcode: failure.errcode });
      } finally {
        worker.unref();
      }
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  #thread(): Worker {
    if (this.#worker === undefined) {
      const workerData: CheckpointWork = { file: this.#file, tidying: this.#tidying };
      this.#worker = new Worker(new URL("./checkpoint-worker.ts", import.meta.url), { workerData });
      this.#worker.unref();
      // It may fail to start, for want of memory say; the next need starts another.
      this.#worker.on("error", () => {
        this.#worker = undefined;
        Atomics.store(this.#tidying, 0, 0);
      });
    }
    return this.#worker;
  }
}

export interface CheckpointWork {
  readonly file: string;
  readonly tidying: Int32Array;
}

/** `tidy`: without keeping writers waiting, unless the log has grown long; not answered. `empty`: all of it. */
export type CheckpointRequest = "tidy" | "empty" | "close";

/** Errors lose their codes between threads. */
export interface CheckpointFailure {
  readonly message: string;
  readonly errcode: number;
}
