import { KilotuneError } from "@kilotune/contract";
import { beginSpan } from "@kilotune/contract/spans";
import { CallSpans } from "./call-spans.ts";

/** Which rows may share a pass, and how many. */
export interface Batchable {
  readonly batchKey: string;
  readonly batchLimit: number;
}

export interface BatcherStats {
  /** Rows that wait for a pass. */
  readonly waiting: number;
  readonly passes: number;
  /** Rows that went through a pass. */
  readonly rows: number;
}

/**
 * Puts the rows of many calls into common passes. There is one pass at a time and no timer: while a pass runs, what
 * arrives queues up, and that makes the next one full; an idle batcher runs at once what is there.
 * Calls take turns in leading a pass, so that a short one never waits for all rows of a long one.
 * Background calls have the passes that no other call wants, and one in 32 of those that others do: they end, too.
 */
export class Batcher<Row extends Batchable, Result> {
  readonly #pass: (rows: readonly Row[]) => Promise<readonly Result[]>;
  readonly #maxQueueRows: number;
  /** In order of their turn. */
  readonly #calls = new Set<Call<Row, Result>>();
  readonly #background = new Set<Call<Row, Result>>();
  /** Passes of others since the last of the background. */
  #passedBy = 0;
  #admitted = 0;
  #waiting = 0;
  #passes = 0;
  #rows = 0;
  #running = false;

  /**
   * @param pass rows of one key -> their results, in order
   * @param maxQueueRows most rows of all calls together; a call counts for no more than one full pass, since its other
   *   rows delay nobody
   */
  constructor(pass: (rows: readonly Row[]) => Promise<readonly Result[]>, maxQueueRows: number) {
    this.#pass = pass;
    this.#maxQueueRows = maxQueueRows;
  }

  /**
   * Results in the order of the rows.
   *
   * @param options `background`: yields to all others, and is never refused: whoever asks so waits for its answers
   *   before it asks again
   * @throws KilotuneError `overloaded`; the signal's reason; what the pass throws
   */
  async run(
    rows: readonly Row[],
    signal?: AbortSignal,
    { background = false }: { readonly background?: boolean } = {},
  ): Promise<Result[]> {
    signal?.throwIfAborted();
    if (rows.length === 0) return [];
    const largestPass = rows.reduce((most, { batchLimit }) => Math.max(most, batchLimit), 1);
    const weight = background ? 0 : Math.min(rows.length, largestPass);
    if (!background && this.#admitted > 0 && this.#admitted + weight > this.#maxQueueRows)
      throw overloaded(this.#maxQueueRows);
    const spans = new CallSpans(rows.length, background);
    const call = new Call<Row, Result>(rows, spans);
    const abort = () => this.#end(call, () => call.reject(signal?.reason));
    this.#admitted += weight;
    this.#waiting += rows.length;
    (background ? this.#background : this.#calls).add(call);
    signal?.addEventListener("abort", abort, { once: true });
    void this.#runPasses();
    try {
      const answer = await call.answer;
      spans.end();
      return answer;
    } catch (error) {
      spans.end(error);
      throw error;
    } finally {
      this.#admitted -= weight;
      signal?.removeEventListener("abort", abort);
    }
  }

  stats(): BatcherStats {
    return { waiting: this.#waiting, passes: this.#passes, rows: this.#rows };
  }

  async #runPasses(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (;;) {
      // Lets calls of the same moment, and answers that lead to the next call, come in first.
      await nextTask();
      const batch = this.#nextBatch();
      if (batch.length === 0) break;
      await this.#runPass(batch);
    }
    this.#running = false;
  }

  /** The first call leads with its oldest rows' key; the others add theirs of that key, one each in turn. */
  #nextBatch(): Item<Row, Result>[] {
    const calls = this.#nextCalls();
    const [leader] = calls;
    if (leader === undefined) return [];
    const { batchKey, batchLimit } = leader.first();
    const batch: Item<Row, Result>[] = [];
    // That of whichever row in it allows the least: one that is to be alone takes no place beside others.
    let limit = batchLimit;
    let sharing = [...calls];
    while (sharing.length > 0 && batch.length < limit) {
      sharing = sharing.filter((call) => {
        if (batch.length >= limit) return false;
        const item = call.take(batchKey, batch.length + 1);
        if (item === undefined) return false;
        batch.push(item);
        limit = Math.min(limit, item.row.batchLimit);
        return true;
      });
    }
    this.#waiting -= batch.length;
    calls.delete(leader);
    if (!leader.isEmpty) calls.add(leader);
    for (const { call } of batch) if (call.isEmpty) calls.delete(call);
    return batch;
  }

  #nextCalls(): Set<Call<Row, Result>> {
    if (this.#background.size === 0) return this.#calls;
    const isTheirs = this.#calls.size === 0 || this.#passedBy >= BACKGROUND_TURN;
    this.#passedBy = isTheirs ? 0 : this.#passedBy + 1;
    return isTheirs ? this.#background : this.#calls;
  }

  async #runPass(batch: readonly Item<Row, Result>[]): Promise<void> {
    this.#passes++;
    this.#rows += batch.length;
    const span = beginSpan("pass", { root: true, attributes: { "kilotune.rows": batch.length } });
    for (const { call } of batch) call.spans.inPass(span);
    try {
      const results = await this.#pass(batch.map(({ row }) => row));
      for (const [position, { call, at }] of batch.entries()) call.settle(at, results[position]!);
      span.end();
    } catch (error) {
      span.fail(error);
      span.end();
      if (batch.length === 1) {
        const [{ call }] = batch as [Item<Row, Result>];
        this.#end(call, () => call.reject(error));
      } else {
        // One row may be the cause: it must not take its neighbours down.
        for (const item of batch) await this.#runPass([item]);
      }
    }
  }

  /** Rows that wait go; those in a pass run on, and nobody hears of them. */
  #end(call: Call<Row, Result>, reject: () => void): void {
    this.#waiting -= call.clear();
    this.#calls.delete(call);
    this.#background.delete(call);
    reject();
  }
}

interface Item<Row extends Batchable, Result> {
  readonly row: Row;
  /** Place among the call's rows. */
  readonly at: number;
  readonly call: Call<Row, Result>;
}

class Call<Row extends Batchable, Result> {
  readonly answer: Promise<Result[]>;
  readonly spans: CallSpans;
  readonly reject: (reason: unknown) => void;
  readonly #resolve: (results: Result[]) => void;
  readonly #results: Result[];
  /** Waiting rows by key; a key without rows isn't there. */
  readonly #waiting = new Map<string, Item<Row, Result>[]>();
  #unanswered: number;

  constructor(rows: readonly Row[], spans: CallSpans) {
    this.spans = spans;
    const { promise, resolve, reject } = Promise.withResolvers<Result[]>();
    this.answer = promise;
    this.#resolve = resolve;
    this.reject = reject;
    this.#results = new Array(rows.length);
    this.#unanswered = rows.length;
    // From the end, since rows are taken from the end, which costs the same for any number of them.
    for (let at = rows.length - 1; at >= 0; at--) {
      const row = rows[at]!;
      const item = { row, at, call: this };
      const group = this.#waiting.get(row.batchKey);
      if (group === undefined) this.#waiting.set(row.batchKey, [item]);
      else group.push(item);
    }
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  first(): Row {
    const [group] = this.#waiting.values();
    return group!.at(-1)!.row;
  }

  /** A row of the key that may be in a pass of so many; undefined where the next one may not. */
  take(batchKey: string, rows: number): Item<Row, Result> | undefined {
    const group = this.#waiting.get(batchKey);
    if (group !== undefined && group.at(-1)!.row.batchLimit < rows) return undefined;
    const item = group?.pop();
    if (group?.length === 0) this.#waiting.delete(batchKey);
    return item;
  }

  settle(at: number, result: Result): void {
    this.#results[at] = result;
    this.#unanswered--;
    if (this.#unanswered === 0) this.#resolve(this.#results);
  }

  /** Drops the waiting rows; their number. */
  clear(): number {
    const dropped = [...this.#waiting.values()].reduce((sum, { length }) => sum + length, 0);
    this.#waiting.clear();
    return dropped;
  }
}

/** Passes of others that a waiting background call lets by. */
const BACKGROUND_TURN = 31;

export function overloaded(maxQueueRows: number): KilotuneError {
  return new KilotuneError(
    "overloaded",
    `expected at most ${maxQueueRows} rows to wait at once, and they are there`,
    "Try again in a moment, with fewer calls at a time.",
    { kind: "machine", retryable: true },
  );
}

/** Browsers have no setImmediate. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => (globalThis.setImmediate ?? setTimeout)(resolve));
}
