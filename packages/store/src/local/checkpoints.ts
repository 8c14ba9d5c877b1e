import { once } from "node:events";
import { Worker } from "node:worker_threads";

const WRITES_BETWEEN = 2000;

/**
 * Moves what SQLite's log holds into its database. That waits for the disk, 20 to 60 ms in which the server would answer
 * nobody; so a thread does it, started at the first need.
 *
 * While one write follows another the log never ends by itself. Once it has grown long the writers are made to wait, here
 * rather than in SQLite, so that reading and everything else goes on.
 */
export class Checkpoints {
  readonly #file: string;
  /** In shared memory, since a writer that never pauses would never hear a message. */
  readonly #state = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | undefined;
  #last: Promise<void> = Promise.resolve();
  #emptying: Promise<void> | undefined;
  #writes = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** What a write has to wait for; nothing, most of the time. */
  beforeWrite(): Promise<void> | undefined {
    if (this.#emptying === undefined && Atomics.load(this.#state, 0) === LOG.long)
      this.empty().catch(() => {});
    return this.#emptying;
  }

  afterWrite(): void {
    if (++this.#writes % WRITES_BETWEEN !== 0) return;
    const state = Atomics.compareExchange(this.#state, 0, LOG.quiet, LOG.tidied);
    if (state === LOG.quiet) this.#thread().postMessage("tidy" satisfies CheckpointRequest);
  }

  /** The log holds nothing any more. */
  empty(): Promise<void> {
    return this.#alone("empty");
  }

  /**
   * Neither log nor file holds anything of what was deleted. SQLite overwrites deleted records (`secure_delete`), but not the
   * copies that are left in the free space of a page whose records were moved; so the file is written anew.
   */
  scrub(): Promise<void> {
    return this.#alone("scrub");
  }

  /** Writers wait for it. */
  #alone(request: "empty" | "scrub"): Promise<void> {
    const emptied = this.#ask(request);
    const ended = emptied
      .catch(() => {})
      .then(() => {
        Atomics.store(this.#state, 0, LOG.quiet);
        if (this.#emptying === ended) this.#emptying = undefined;
      });
    this.#emptying = ended;
    return emptied;
  }

  async close(): Promise<void> {
    if (this.#worker === undefined) return;
    await this.#ask("close").catch(() => {});
    this.#worker = undefined;
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
      const workerData: CheckpointWork = { file: this.#file, state: this.#state };
      this.#worker = new Worker(new URL("./checkpoint-worker.ts", import.meta.url), { workerData });
      this.#worker.unref();
      // It may fail to start, for want of memory say; the next need starts another.
      this.#worker.on("error", () => {
        this.#worker = undefined;
        Atomics.store(this.#state, 0, LOG.quiet);
      });
    }
    return this.#worker;
  }
}

export interface CheckpointWork {
  readonly file: string;
  readonly state: Int32Array;
}

/** What the thread and its owner know of the log. */
export const LOG = { quiet: 0, tidied: 1, long: 2 };

/** `tidy`: while others write; not answered. `empty`, `scrub`: nobody should. */
export type CheckpointRequest = "tidy" | "empty" | "scrub" | "close";

/** Errors lose their codes between threads. */
export interface CheckpointFailure {
  readonly message: string;
  readonly errcode: number;
}
