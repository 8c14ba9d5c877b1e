import type { Backbone, BackboneManifest } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { inSpan } from "@kilotune/contract/spans";
import type { StoredPrompt } from "@kilotune/prompt";
import { abortable } from "./abortable.ts";
import { assemble, type Row } from "./assemble.ts";
import { type Batchable, Batcher, type BatcherStats } from "./batcher.ts";
import { logitsOf } from "./heads.ts";
import { makeRow } from "./make-row.ts";
import { type PreparedPrompt, preparePrompt } from "./prepare-prompt.ts";
import { type CacheStats, PromptCache } from "./prompt-cache.ts";
import { rank, type Score } from "./rank.ts";

export interface PredictorOptions {
  readonly backbone: Backbone;
  /**
   * Gets a prompt by the name that requests give it: an id, a path. The name is the cache's key: it must mean the same
   * bytes for ever and the same to every caller, so where tenants name their prompts, put the tenant into the name.
   */
  readonly loadPrompt: (ref: string) => Promise<StoredPrompt>;
  /** For prompts in memory. Default 256 MB. */
  readonly cacheBytes?: number;
  /** Most rows of a pass. Default 32. */
  readonly maxBatchRows?: number;
  /** Most positions of a pass, padding included: bounds its memory. Default 2048; one row is always run. */
  readonly maxBatchTokens?: number;
  /** Most rows of all calls that wait or run before a call is refused as `overloaded`. Default 1024. */
  readonly maxQueueRows?: number;
}

export interface ClassifyRequest {
  readonly text: string;
  /** What `loadPrompt` is asked for. */
  readonly prompt: string;
}

export interface RunOptions {
  /** Each row in a pass of its own. Slower, and bit-equal: this is how that is checked. */
  readonly alone?: boolean;
  readonly signal?: AbortSignal;
  /** Yields to calls that somebody waits for, and is never refused as `overloaded`: ask again only once it is answered. */
  readonly background?: boolean;
}

export interface Prediction {
  readonly label: string;
  /** Calibrated probability of `label`. */
  readonly score: number;
  /** The likeliest first. */
  readonly scores: readonly Score[];
  /** In the order of the prompt's labels, before calibration. Where asked for. */
  readonly logits?: readonly number[];
  /** Whether the text was longer than the prompt or the backbone reads. */
  readonly truncated: boolean;
  /** That the backbone read of the text, special ones counted. */
  readonly tokens: number;
  readonly promptId: string;
}

export interface Embedding {
  /** Of length one, where the backbone's are: its manifest says so. */
  readonly vector: Float32Array;
  readonly truncated: boolean;
  /** That the backbone read, special ones counted. */
  readonly tokens: number;
}

export interface PredictorStats {
  readonly batches: BatcherStats;
  readonly prompts: CacheStats;
}

/** Answers for all tenants from one session of one backbone. Errors concern a whole call; other calls don't notice. */
export interface Predictor {
  /**
   * Predictions in the order of the requests.
   * @throws KilotuneError `backbone_mismatch`, `prompt_too_long`, `non_finite`, `overloaded`, `closed`; what
   *   `loadPrompt` throws; the signal's reason
   */
  classify(
    requests: readonly ClassifyRequest[],
    options?: RunOptions & { readonly topK?: number; readonly logits?: boolean },
  ): Promise<Prediction[]>;
  /** Sentence vectors of the plain backbone. */
  embed(texts: readonly string[], options?: RunOptions): Promise<Embedding[]>;
  stats(): PredictorStats;
  /** Drops prompts by their names: what of them is in use ends with its call. */
  forget(isForgotten: (ref: string) => boolean): void;
  /** Refuses new calls, answers those that were accepted, then releases the session. */
  close(): Promise<void>;
}

export async function createPredictor(options: PredictorOptions): Promise<Predictor> {
  const { backbone, loadPrompt, cacheBytes = 256e6, maxQueueRows = 1024 } = options;
  const { maxBatchRows = 32, maxBatchTokens = 2048 } = options;
  const { manifest, tokenizer } = backbone;
  const session = await backbone.open({ kind: "serve" });
  const cache = new PromptCache(async (ref) => preparePrompt(await loadPrompt(ref), manifest), cacheBytes);
  const batcher = new Batcher<BatchRow, Float32Array>(async (rows) => {
    const outputs = [...new Set(rows.map((row) => outputOf(row, manifest)))];
    const vectors = await session.run(assemble(rows, rows[0]!.bucket, manifest), outputs);
    const { hiddenSize } = manifest.config;
    // Copies: a view would keep the whole batch in memory.
    return rows.map((row, at) =>
      (vectors[outputOf(row, manifest)]!.data as Float32Array).slice(at * hiddenSize, (at + 1) * hiddenSize),
    );
  }, maxQueueRows);
  const calls = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  const rowOf = (text: string, prompt: PreparedPrompt | undefined, most: number): BatchRow => {
    const row = makeRow(text, prompt, tokenizer);
    const { sequence, prefix } = row.bucket;
    const batchLimit = Math.max(1, Math.min(most, Math.floor(maxBatchTokens / sequence)));
    return { ...row, batchKey: `${sequence} ${prefix}`, batchLimit };
  };
  // Who comes while a pass of the background runs waits for it: so it is a short one.
  const mostRows = ({ alone, background }: RunOptions) =>
    alone ? 1 : background ? Math.min(maxBatchRows, BACKGROUND_ROWS) : maxBatchRows;

  /** Counts a call as accepted until it is answered. */
  const accept = <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    if (closing !== undefined) return Promise.reject(closed());
    const call = work();
    const done: Promise<unknown> = call.catch(() => {}).then(() => calls.delete(done));
    calls.add(done);
    return call;
  };

  return {
    classify: (requests, { topK, logits: wantLogits = false, ...run } = {}) =>
      accept(async () => {
        const refs = [...new Set(requests.map(({ prompt }) => prompt))];
        const leases = refs.map((ref) => cache.acquire(ref));
        try {
          const held = await inSpan("prompts", {}, () => abortable(Promise.all(leases), run.signal));
          const prompts = new Map(refs.map((ref, at) => [ref, held[at]!.value]));
          const most = mostRows(run);
          const rows = requests.map(({ text, prompt }) => rowOf(text, prompts.get(prompt), most));
          const vectors = await batcher.run(rows, run.signal, run);
          return rows.map(({ prompt, truncated, ids }, at): Prediction => {
            const { id, labels, head, temperature } = prompt!;
            const logits = logitsOf(head, vectors[at]!);
            if (!logits.every(Number.isFinite)) throw nonFinite(id);
            const scores = rank(labels, logits, temperature);
            const { label, score } = scores[0]!;
            const asked = wantLogits ? { logits: [...logits] } : {};
            const answer = { label, score, scores: scores.slice(0, topK), ...asked };
            return { ...answer, truncated, tokens: ids.length, promptId: id };
          });
        } finally {
          // Those too that were still loading when another failed.
          for (const lease of leases)
            void lease.then(
              ({ release }) => release(),
              () => {},
            );
        }
      }),
    embed: (texts, run = {}) =>
      accept(async () => {
        const most = mostRows(run);
        const rows = texts.map((text) => rowOf(text, undefined, most));
        const vectors = await batcher.run(rows, run.signal, run);
        return rows.map(({ truncated, ids }, at) => ({
          vector: vectors[at]!,
          truncated,
          tokens: ids.length,
        }));
      }),
    forget: (isForgotten) => cache.forget(isForgotten),
    stats: () => ({ batches: batcher.stats(), prompts: cache.stats() }),
    close() {
      closing ??= Promise.all(calls).then(() => session.release());
      return closing;
    },
  };
}

/** The graph's output that the row's head reads, or that is wanted where it has none. */
function outputOf({ prompt }: Row, { normalize }: BackboneManifest): "embedding" | "pooled" {
  if (prompt === undefined) return normalize ? "embedding" : "pooled";
  return prompt.head.dense === undefined ? "embedding" : "pooled";
}

/** A quarter of a full pass. */
const BACKGROUND_ROWS = 8;

type BatchRow = Row & Batchable;

function closed(): KilotuneError {
  return new KilotuneError(
    "closed",
    "expected an open predictor, saw a closed one",
    "Make a new predictor.",
    {
      kind: "machine",
    },
  );
}

function nonFinite(promptId: string): KilotuneError {
  return new KilotuneError(
    "non_finite",
    `expected finite logits from the prompt ${promptId}, saw infinity or NaN`,
    "Its numbers are too large for the backbone: tune again with a lower learning rate.",
  );
}
