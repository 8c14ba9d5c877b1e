import type { AdditionKind, Backbone, BackboneManifest } from "@kilotune/backbone";
import type { StoredPrompt } from "@kilotune/prompt";
import { additionKey } from "../additions.ts";
import type { Batchable } from "../batcher.ts";
import type { ClassAnswer } from "../classes.ts";
import { finite, logitsOf } from "../heads.ts";
import { type PredictorStats, RowServer, type RunOptions } from "../row-server.ts";
import { ServeSessions } from "../serve-sessions.ts";
import { assemble, type Row } from "./assemble.ts";
import { makeRow, makeWordRow, type TextInput } from "./make-row.ts";
import { type PreparedPrompt, preparePrompt } from "./prepare-prompt.ts";
import { type FoundSpan, spansOf } from "./tag-spans.ts";
import { classesOf, otherTask, numberOf } from "./tasks.ts";
import { statesOf } from "./word-states.ts";

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

export interface ClassifyRequest extends TextInput {
  /** What `loadPrompt` is asked for. */
  readonly prompt: string;
}

export interface Prediction extends ClassAnswer, Read {
  /** In the order of the prompt's labels, before calibration. Where asked for. */
  readonly logits?: readonly number[];
  readonly promptId: string;
}

/** Of a prompt that learnt a number. */
export interface Estimate extends Read {
  /** The number's name. */
  readonly label: string;
  readonly value: number;
  readonly promptId: string;
}

/** Of a prompt for tagging. */
export interface Tagging extends Read {
  /** In the order of the text, none over another. */
  readonly spans: readonly FoundSpan[];
  readonly promptId: string;
}

export interface Embedding extends Read {
  /** Of length one, where the backbone's are: its manifest says so. */
  readonly vector: Float32Array;
}

/** What was read of a text. */
interface Read {
  /** Whether the text was longer than the prompt or the backbone reads. */
  readonly truncated: boolean;
  /** That the backbone read of the text, special ones counted. */
  readonly tokens: number;
}

/** Answers for all tenants from one session of one backbone. Errors concern a whole call; other calls don't notice. */
export interface Predictor {
  /**
   * Predictions in the order of the requests, of prompts that give one label or several.
   * @throws KilotuneError `backbone_mismatch`, `wrong_task`, `wrong_input`, `prompt_too_long`, `non_finite`, `overloaded`, `closed`; what
   *   `loadPrompt` throws; the signal's reason
   */
  classify(
    requests: readonly ClassifyRequest[],
    options?: RunOptions & { readonly topK?: number; readonly logits?: boolean },
  ): Promise<Prediction[]>;
  /** Of prompts that learnt a number. @throws as `classify` */
  estimate(requests: readonly ClassifyRequest[], options?: RunOptions): Promise<Estimate[]>;
  /** Of prompts that find named spans: where they are in the text as it was given. @throws as `classify` */
  tag(
    requests: readonly Pick<ClassifyRequest, "text" | "prompt">[],
    options?: RunOptions,
  ): Promise<Tagging[]>;
  /** Sentence vectors of the plain backbone, or through a prompt that was tuned for retrieval. @throws as `classify` */
  embed(texts: readonly string[], options?: RunOptions & { readonly prompt?: string }): Promise<Embedding[]>;
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
  const sessions = await ServeSessions.open((added: AdditionKind | undefined) =>
    backbone.open({ kind: "serve", added }),
  );
  const server = new RowServer<PreparedPrompt, BatchRow, Float32Array>({
    load: async (ref) => preparePrompt(await loadPrompt(ref), manifest),
    pass: async (rows) => {
      const outputs = [...new Set(rows.map((row) => outputOf(row, manifest)))];
      const session = await sessions.of(rows[0]!.prompt?.added?.kind);
      const vectors = await session.run(assemble(rows, rows[0]!.bucket, manifest), outputs);
      const { hiddenSize } = manifest.config;
      // Copies: a view would keep the whole batch in memory.
      return rows.map((row, at) => {
        const output = vectors[outputOf(row, manifest)]!;
        if (row.wordPlaces !== undefined) return statesOf(output, at, row.wordPlaces);
        return (output.data as Float32Array).slice(at * hiddenSize, (at + 1) * hiddenSize);
      });
    },
    release: () => sessions.release(),
    cacheBytes,
    maxBatchRows,
    maxQueueRows,
  });

  const batched = <Made extends Row>(row: Made, mostRows: number): Made & Batchable => {
    const { sequence, prefix } = row.bucket;
    const batchLimit = Math.max(1, Math.min(mostRows, Math.floor(maxBatchTokens / sequence)));
    const batchKey = `${sequence} ${prefix} ${additionKey(row.prompt?.added)}`;
    return { ...row, batchKey, batchLimit };
  };
  const rowOf = (input: TextInput, prompt: PreparedPrompt | undefined, mostRows: number): BatchRow =>
    batched(makeRow(input, prompt, tokenizer), mostRows);

  /** Of each request the head's logits, made an answer. */
  function answer<Answer>(
    requests: readonly ClassifyRequest[],
    options: RunOptions,
    answerOf: (prompt: PreparedPrompt, logits: Float64Array, read: Read) => Answer,
  ): Promise<Answer[]> {
    const refs = requests.map(({ prompt }) => prompt);
    return server.call(refs, options, async ({ prompts, mostRows, run }) => {
      const rows = requests.map((request) => rowOf(request, prompts.get(request.prompt), mostRows));
      const vectors = await run(rows);
      return rows.map(({ prompt, truncated, ids }, at) => {
        const { head, id, task } = prompt!;
        if (head === undefined || task.kind === "tagging") throw otherTask("labels or a number", task);
        const logits = finite(logitsOf(head, vectors[at]!), id);
        return answerOf(prompt!, logits, { truncated, tokens: ids.length });
      });
    });
  }

  return {
    classify: (requests, { topK, logits: wantsLogits = false, ...options } = {}) =>
      answer(requests, options, ({ task, labels, id }, logits, read): Prediction => {
        const classes = classesOf(task, labels, logits);
        const asked = wantsLogits ? { logits: [...logits] } : {};
        return { ...classes, scores: classes.scores.slice(0, topK), ...asked, ...read, promptId: id };
      }),
    estimate: (requests, options = {}) =>
      answer(requests, options, ({ task, labels, id }, logits, read): Estimate => {
        // Mean and scale are the file's: finite each, and yet the number may not be.
        const [value] = finite(Float64Array.of(numberOf(task, logits)), id);
        return { label: labels[0]!, value: value!, ...read, promptId: id };
      }),
    tag: (requests, options = {}) => {
      const refs = requests.map(({ prompt }) => prompt);
      return server.call(refs, options, async ({ prompts, mostRows, run }) => {
        const rows = requests.map(({ text, prompt: ref }) => {
          const prompt = prompts.get(ref)!;
          if (prompt.task.kind !== "tagging") throw otherTask("tagging", prompt.task);
          return batched(makeWordRow(text, prompt, tokenizer), mostRows);
        });
        const states = await run(rows);
        return rows.map((row, at): Tagging => {
          const { truncated, ids } = row;
          const promptId = row.prompt!.id;
          return { spans: spansOf(row, states[at]!), truncated, tokens: ids.length, promptId };
        });
      });
    },
    embed: (texts, { prompt: ref, ...options } = {}) =>
      server.call(ref === undefined ? [] : [ref], options, async ({ prompts, mostRows, run }) => {
        const prompt = ref === undefined ? undefined : prompts.get(ref)!;
        if (prompt !== undefined && prompt.task.kind !== "retrieval")
          throw otherTask("retrieval", prompt.task);
        const rows = texts.map((text) => rowOf({ text }, prompt, mostRows));
        const vectors = await run(rows);
        return rows.map(({ truncated, ids }, at) => ({
          vector: prompt === undefined ? vectors[at]! : finite(vectors[at]!, prompt.id),
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
function outputOf(
  { prompt, wordPlaces }: Row,
  { normalize }: BackboneManifest,
): "embedding" | "pooled" | "tokens" {
  if (wordPlaces !== undefined) return "tokens";
  if (prompt?.head === undefined) return normalize ? "embedding" : "pooled";
  return prompt.head.dense === undefined ? "embedding" : "pooled";
}

type BatchRow = Row & Batchable;
