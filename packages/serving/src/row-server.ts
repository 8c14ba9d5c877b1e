import { KilotuneError } from "@kilotune/contract";
import { inSpan } from "@kilotune/contract/spans";
import { abortable } from "./abortable.ts";
import { type Batchable, Batcher, type BatcherStats } from "./batcher.ts";
import { type CacheStats, PromptCache, type Sized } from "./prompt-cache.ts";

export interface RunOptions {
  /** Each row in a pass of its own. Slower, and bit-equal: this is how that is checked. */
  readonly alone?: boolean;
  readonly signal?: AbortSignal;
  /** Yields to calls that somebody waits for, and is never refused as `overloaded`: ask again only once it is answered. */
  readonly background?: boolean;
}

export interface PredictorStats {
  readonly batches: BatcherStats;
  readonly prompts: CacheStats;
}

export interface RowServerParts<Prompt, Row, Result> {
  /** A prompt by the name that requests give it, ready for the batches. */
  readonly load: (ref: string) => Promise<Prompt>;
  /** Rows of one batch key -> what the backbone makes of each, in order. */
  readonly pass: (rows: readonly Row[]) => Promise<readonly Result[]>;
  /** Once the last call is answered. */
  readonly release: () => Promise<void>;
  readonly cacheBytes: number;
  readonly maxBatchRows: number;
  readonly maxQueueRows: number;
}

/** What a call has while it is answered. */
export interface Call<Prompt, Row, Result> {
  /** By the name that the call gave, each in use until the call ends. */
  readonly prompts: ReadonlyMap<string, Prompt>;
  /** Most rows that one of its passes may have. */
  readonly mostRows: number;
  /** Through the backbone, together with other calls' rows. */
  readonly run: (rows: readonly Row[]) => Promise<Result[]>;
}

/**
 * What predictors of texts and of images share: prompts loaded once and held while they are in use, rows of many calls in
 * common passes, an end that answers what was accepted.
 */
export class RowServer<Prompt extends Sized, Row extends Batchable, Result> {
  readonly #parts: RowServerParts<Prompt, Row, Result>;
  readonly #cache: PromptCache<Prompt>;
  readonly #batcher: Batcher<Row, Result>;
  readonly #calls = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(parts: RowServerParts<Prompt, Row, Result>) {
    this.#parts = parts;
    this.#cache = new PromptCache(parts.load, parts.cacheBytes);
    this.#batcher = new Batcher(parts.pass, parts.maxQueueRows);
  }

  /**
   * Counts a call as accepted until `work` is done.
   *
   * @param refs names of the prompts that it needs
   * @throws KilotuneError `closed`, `overloaded`; what `load` and `pass` throw; the signal's reason
   */
  call<Answer>(
    refs: readonly string[],
    options: RunOptions,
    work: (call: Call<Prompt, Row, Result>) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    const call = this.#withPrompts([...new Set(refs)], options, work);
    const done: Promise<unknown> = call.catch(() => {}).then(() => this.#calls.delete(done));
    this.#calls.add(done);
    return call;
  }

  forget(isForgotten: (ref: string) => boolean): void {
    this.#cache.forget(isForgotten);
  }

  stats(): PredictorStats {
    return { batches: this.#batcher.stats(), prompts: this.#cache.stats() };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#calls).then(() => this.#parts.release());
    return this.#closing;
  }

  async #withPrompts<Answer>(
    refs: readonly string[],
    options: RunOptions,
    work: (call: Call<Prompt, Row, Result>) => Promise<Answer>,
  ): Promise<Answer> {
    const leases = refs.map((ref) => this.#cache.acquire(ref));
    try {
      const held =
        leases.length === 0
          ? []
          : await inSpan("prompts", {}, () => abortable(Promise.all(leases), options.signal));
      return await work({
        prompts: new Map(refs.map((ref, at) => [ref, held[at]!.value])),
        mostRows: this.#mostRows(options),
        run: (rows) => this.#batcher.run(rows, options.signal, options),
      });
    } finally {
      // Those too that were still loading when another failed.
      for (const lease of leases)
        void lease.then(
          ({ release }) => release(),
          () => {},
        );
    }
  }

  /** A call that comes while a pass of the background runs waits for it: so it is a short one. */
  #mostRows({ alone, background }: RunOptions): number {
    const { maxBatchRows } = this.#parts;
    return alone ? 1 : background ? Math.max(1, Math.ceil(maxBatchRows / 4)) : maxBatchRows;
  }
}

function closed(): KilotuneError {
  return new KilotuneError(
    "closed",
    "expected an open predictor, saw a closed one",
    "Make a new predictor.",
    { kind: "machine" },
  );
}
