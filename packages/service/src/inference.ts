import type { PromptId, TenantId } from "@kilotune/contract";

/**
 * Answers texts of all tenants; server and Lambda put a Predictor behind it. Its errors are KilotuneErrors:
 * `overloaded` (a 429) where its bounded queue is full, `closed` (a 503) while it shuts down.
 */
export interface Inference {
  classify(
    call: InferenceCall & { readonly promptId: PromptId; readonly topK?: number },
  ): Promise<ClassifyAnswer>;
  embed(call: InferenceCall): Promise<EmbedAnswer>;
  /** Drops what is kept of a tenant's prompts, so that a deletion leaves nothing in memory. */
  forget?(tenant: TenantId): void;
}

export interface InferenceCall {
  readonly tenant: TenantId;
  /** Id of the backbone that the prompt was tuned on. */
  readonly backbone: string;
  readonly inputs: readonly string[];
  /** Aborted where the client hangs up or the deadline passes: waiting rows are taken out. */
  readonly signal: AbortSignal;
  /** Of a batch: it yields to calls that somebody waits for, and is never refused as `overloaded`. */
  readonly background?: boolean;
}

export interface ClassifyAnswer {
  /** In the order of the inputs. */
  readonly rows: readonly {
    readonly label: string;
    readonly score: number;
    /** The likeliest first. */
    readonly scores: readonly { readonly label: string; readonly score: number }[];
    readonly truncated: boolean;
  }[];
  /** Tokens that the backbone read, special ones and truncation counted. */
  readonly tokens: number;
}

export interface EmbedAnswer {
  readonly rows: readonly { readonly vector: Float32Array; readonly truncated: boolean }[];
  readonly tokens: number;
}
