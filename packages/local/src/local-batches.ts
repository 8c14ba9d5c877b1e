import type { BatchId, TenantId } from "@kilotune/contract";
import { inSpan } from "@kilotune/contract/spans";
import { type Inference, runBatch, type Service } from "@kilotune/service";
import type { Workflow } from "@kilotune/store";
import { FairQueue } from "./fair-queue.ts";

export interface LocalBatchesOptions {
  readonly inference: Inference;
  readonly log: (error: unknown) => void;
  /** Until a batch that something kept from going on, a full disk say, is tried again. Default a minute. */
  readonly restartMs?: number;
}

/**
 * Runs batches in this process, a piece at a time in turns between tenants. What lasts is in their records: at start-up
 * `restartJobs` starts every one that hasn't ended.
 */
export class LocalBatches implements Workflow {
  readonly #options: LocalBatchesOptions;
  /** Two, so that one is asked while the other's answers are written. */
  readonly #turns = new FairQueue(2);
  readonly #running = new Map<BatchId, Run>();
  #service: Service | undefined;
  #closed = false;

  constructor(options: LocalBatchesOptions) {
    this.#options = options;
  }

  /** The service knows its workflow, and so is there only afterwards. */
  connect(service: Service): void {
    this.#service = service;
  }

  async start(tenant: TenantId, id: BatchId): Promise<void> {
    this.#begin(tenant, id);
  }

  /** What is left to do, its files, is done by a run of its own. */
  async stop(tenant: TenantId, id: BatchId): Promise<void> {
    const standing = this.#running.get(id);
    standing?.controller.abort(new Error("the batch is told to stop"));
    this.#begin(tenant, id);
  }

  async ended(_: TenantId, id: BatchId): Promise<void> {
    for (let run = this.#running.get(id); run !== undefined; run = this.#running.get(id)) await run.done;
  }

  stats(): { readonly batches: number } {
    return { batches: this.#running.size };
  }

  /** Stops all of them between two pieces. Their records say that they go on. */
  async close(): Promise<void> {
    this.#closed = true;
    const runs = [...this.#running.values()];
    for (const { controller } of runs) controller.abort(new Error("this server shuts down"));
    await Promise.all(runs.map(({ done }) => done));
  }

  #begin(tenant: TenantId, id: BatchId): void {
    if (this.#closed) return;
    const standing = this.#running.get(id);
    if (standing !== undefined) {
      standing.again ||= standing.controller.signal.aborted;
      return;
    }
    const run: Run = { controller: new AbortController(), again: false, done: Promise.resolve() };
    this.#running.set(id, run);
    run.done = this.#run(tenant, id, run);
  }

  /** Never throws: nobody waits for it. */
  async #run(tenant: TenantId, id: BatchId, run: Run): Promise<void> {
    const { inference, log, restartMs = 60_000 } = this.#options;
    const { signal } = run.controller;
    let failed = false;
    const steps = runBatch(this.#service as Service, tenant, id, { inference, signal });
    const attributes = { "kilotune.tenant": tenant, "kilotune.batch": id };
    // A trace of its own: the call that made the batch was answered long ago.
    const step = () =>
      inSpan("batch piece", { root: true, attributes }, async () => (await steps.next()).done === true);
    try {
      for (let isDone = false; !isDone; ) isDone = await this.#turns.run(tenant, signal, step);
    } catch (error) {
      failed = !signal.aborted;
      if (failed) log(error);
    } finally {
      // Releases its file, where it was told to stop between two pieces.
      await steps.return();
    }
    this.#running.delete(id);
    if (run.again) this.#begin(tenant, id);
    else if (failed) setTimeout(() => this.#begin(tenant, id), restartMs).unref();
  }
}

interface Run {
  readonly controller: AbortController;
  /** Told to stop, and what is left is to be done. */
  again: boolean;
  done: Promise<void>;
}
