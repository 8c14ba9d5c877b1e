import type { Backbone, BackboneManifest } from "@kilotune/backbone";
import type { StoredPrompt } from "@kilotune/prompt";
import type { Batchable } from "../batcher.ts";
import { finite, logitsOf } from "../heads.ts";
import { rank, type Score } from "../rank.ts";
import { type PredictorStats, RowServer, type RunOptions } from "../row-server.ts";
import { ServeSessions } from "../serve-sessions.ts";
import { assemble, type Row } from "./assemble.ts";
import { makeRow } from "./make-row.ts";
import { type PreparedPrompt, preparePrompt } from "./prepare-prompt.ts";

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
  const sessions = await ServeSessions.open((lora) => backbone.open({ kind: "serve", lora }));
  const server = new RowServer<PreparedPrompt, BatchRow, Float32Array>({
    load: async (ref) => preparePrompt(await loadPrompt(ref), manifest),
    pass: async (rows) => {
      const outputs = [...new Set(rows.map((row) => outputOf(row, manifest)))];
      const session = await sessions.of(rows[0]!.prompt?.lora !== undefined);
      const vectors = await session.run(assemble(rows, rows[0]!.bucket, manifest), outputs);
      const { hiddenSize } = manifest.config;
      // Copies: a view would keep the whole batch in memory.
      return rows.map((row, at) =>
        (vectors[outputOf(row, manifest)]!.data as Float32Array).slice(
          at * hiddenSize,
          (at + 1) * hiddenSize,
        ),
      );
    },
    release: () => sessions.release(),
    cacheBytes,
    maxBatchRows,
    maxQueueRows,
  });

  const rowOf = (text: string, prompt: PreparedPrompt | undefined, mostRows: number): BatchRow => {
    const row = makeRow(text, prompt, tokenizer);
    const { sequence, prefix } = row.bucket;
    const batchLimit = Math.max(1, Math.min(mostRows, Math.floor(maxBatchTokens / sequence)));
    return { ...row, batchKey: `${sequence} ${prefix} ${prompt?.lora?.rank ?? 0}`, batchLimit };
  };

  return {
    classify: (requests, { topK, logits: wantLogits = false, ...options } = {}) => {
      const refs = requests.map(({ prompt }) => prompt);
      return server.call(refs, options, async ({ prompts, mostRows, run }) => {
        const rows = requests.map(({ text, prompt }) => rowOf(text, prompts.get(prompt), mostRows));
        const vectors = await run(rows);
        return rows.map(({ prompt, truncated, ids }, at): Prediction => {
          const { id, labels, head, temperature } = prompt!;
          const logits = finite(logitsOf(head, vectors[at]!), id);
          const scores = rank(labels, logits, temperature);
          const { label, score } = scores[0]!;
          const asked = wantLogits ? { logits: [...logits] } : {};
          const answer = { label, score, scores: scores.slice(0, topK), ...asked };
          return { ...answer, truncated, tokens: ids.length, promptId: id };
        });
      });
    },
    embed: (texts, options = {}) =>
      server.call([], options, async ({ mostRows, run }) => {
        const rows = texts.map((text) => rowOf(text, undefined, mostRows));
        const vectors = await run(rows);
        return rows.map(({ truncated, ids }, at) => ({
          vector: vectors[at]!,
          truncated,
          tokens: ids.length,
        }));
      }),
    forget: (isForgotten) => server.forget(isForgotten),
    stats: () => server.stats(),
    close: () => server.close(),
  };
}

/** The graph's output that the row's head reads, or that is wanted where it has none. */
function outputOf({ prompt }: Row, { normalize }: BackboneManifest): "embedding" | "pooled" {
  if (prompt === undefined) return normalize ? "embedding" : "pooled";
  return prompt.head.dense === undefined ? "embedding" : "pooled";
}

type BatchRow = Row & Batchable;
