import type { Prng } from "@kilotune/dataset";
import type { Feeds, Session, Tensor } from "@kilotune/engine";
import type { DropoutMasks } from "./dropout-masks.ts";
import type { PromptSite } from "./prompt-site.ts";

/**
 * All that differs between what can be learnt: rows of texts or of images, a prompt's site, a head, what its loss wants. The
 * loop knows nothing else.
 *
 * @typeParam Name names of the head's tensors
 */
export interface LearningTask<Name extends string = string> {
  /** undefined where the head learns alone. */
  readonly site: PromptSite | undefined;
  /** What the head learns, by the names of the graph's inputs, as it starts. */
  readonly head: Readonly<Record<Name, Tensor>>;
  /** Which of the head's tensors learn at the prompt's rate; none where left out. */
  atPromptRate?(name: string): boolean;
  /** Masks of one pass where there is no site that draws them. @param rows its feeds, for their sizes */
  dropout?(masks: DropoutMasks, random: Prng, rows: Feeds): Feeds;
  readonly rows: RowStore;
  /**
   * Opens the graph of hidden states, prompt, head and targets -> `loss`, `grad.KIND` of the prompt by its site's kind, and
   * `grad.NAME` of each of the head's tensors. The caller releases it.
   */
  open(options: { dropout: boolean }): Promise<Session>;
  /** What the loss wants of some rows of a batch; the losses of a batch's parts are added. */
  targets(rows: readonly number[], within: TargetsOf): Feeds | Promise<Feeds>;
}

export interface TargetsOf {
  readonly batch: readonly number[];
  /** From 0. */
  readonly epoch: number;
}

/** Rows whose hidden states below a late prompt were computed once. */
export interface RowStore {
  /** Tokens of each row. */
  readonly lengths: Int32Array;
  /** A batch in parts that are run one after the other. */
  passes(batch: readonly number[]): readonly (readonly number[])[];
  /** Feeds of the upper graphs. @param epoch of training, from 0, where rows differ from epoch to epoch */
  batch(rows: readonly number[], epoch?: number): Promise<Feeds>;
}

/** What was learnt. */
export interface Learnt<Name extends string = string> {
  /** Flat, of the site's shape; empty where the head learnt alone. */
  readonly prompt: Float32Array;
  readonly head: Readonly<Record<Name, Float32Array>>;
}

/** Rows that are held out from learning, and how well they are answered. */
export interface Validation {
  open(): Promise<Meter>;
  /** How far chance alone moves a score. */
  standardError(score: number): number;
}

export interface Meter {
  /** The higher the better. */
  measure(learnt: Learnt): Promise<number>;
  release(): Promise<void>;
}

/** Of a mean of so many numbers between 0 and 1: exact where they are 0 or 1, else the most that it can be. */
export function standardErrorOfShare(share: number, rows: number): number {
  return rows === 0 ? Number.POSITIVE_INFINITY : Math.sqrt((share * (1 - share)) / rows);
}
