import type {
  FileId,
  JobId,
  PromptId,
  MethodName,
  SweptSettings,
  TaskName,
  TunedModelName,
} from "@kilotune/contract";
import type { UnixSeconds } from "./context.ts";

/** A tuning job as the tenant sees it. */
export interface Job {
  readonly id: JobId;
  readonly status: JobStatus;
  /** The backbone. */
  readonly model: string;
  readonly task: TaskName;
  readonly trainingFile: FileId;
  readonly validationFile: FileId | null;
  readonly method: JobMethod;
  /** null where the model gives one of its labels to anything. */
  readonly outOfScope: JobScope | null;
  /** Candidates that are tried on held-out rows; the best of them is tuned. null: the job as it stands. */
  readonly sweep: readonly SweptSettings[] | null;
  readonly seed: number;
  /** Of the cross-validation; null without one. */
  readonly folds: number | null;
  /** Large images are looked at in tiles. */
  readonly tiles: boolean;
  readonly suffix: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: UnixSeconds;
  readonly startedAt: UnixSeconds | null;
  readonly finishedAt: UnixSeconds | null;
  readonly estimatedFinishAt: UnixSeconds | null;
  /** null until it has succeeded. */
  readonly tunedModel: TunedModelName | null;
  readonly promptId: PromptId | null;
  /** What it has measured, of purpose `fine-tune-results`. A file that is deleted stays named. */
  readonly resultFiles: readonly FileId[];
  /** null until it has succeeded. */
  readonly trainedTokens: number | null;
  /** Time at work, as metered: neither pauses nor a stopped server count. */
  readonly tuningSeconds: number;
  readonly error: JobError | null;
}

/** What a job has that was written before jobs had these. */
export const ADDED_TO_JOBS: Pick<Job, "resultFiles" | "task" | "outOfScope" | "sweep" | "folds" | "tiles"> = {
  resultFiles: [],
  task: "classification",
  outOfScope: null,
  sweep: null,
  folds: null,
  tiles: false,
};

export type JobStatus =
  | "validating_files"
  | "queued"
  | "running"
  | "paused"
  | "succeeded"
  | "failed"
  | "cancelled";

export interface JobMethod {
  readonly type: MethodName;
  readonly epochs: number | "auto";
  /** Virtual tokens of `kv`, `soft` and `deep`, rank of `lora`; the method's default where null. */
  readonly tokens: number | null;
  /** First prompted layer of `kv`, `deep`, `lora` and `bias`; the model's own choice where null. */
  readonly firstLayer: number | null;
  /** What it starts as, at random where left out: words are of the `kv` and `soft` of texts, another model of any method but `deep`. */
  readonly init?: JobInit;
  /** What `kv` and `soft` are learnt through; nothing where left out. */
  readonly reparam?: JobReparam;
}

/** The model says of an input whether it is none of its labels'. */
export interface JobScope {
  /** Rows of it are of none; null where held-out rows alone choose the threshold. */
  readonly label: string | null;
}

export type JobReparam =
  | { readonly type: "low_rank"; readonly rank: number }
  | { readonly type: "mlp"; readonly width: number };

/** The prompt is what its model had when the job was made. */
export type JobInit =
  | "vocabulary"
  | "labels"
  | "examples"
  | { readonly text: string }
  | { readonly model: string; readonly promptId: PromptId };

export interface JobError {
  readonly code: string;
  readonly message: string;
  /** `training_file` or `validation_file`, where it is to blame. */
  readonly param: string | null;
}

/**
 * The state machine. What has ended stays as it is. A paused job may succeed: its worker may have been done by then.
 * Whatever isn't here is refused or, where it comes late, ignored.
 */
const NEXT: { readonly [Status in JobStatus]: readonly JobStatus[] } = {
  validating_files: ["queued", "paused", "failed", "cancelled"],
  queued: ["running", "paused", "failed", "cancelled"],
  running: ["paused", "succeeded", "failed", "cancelled"],
  paused: ["queued", "succeeded", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

export function mayBecome(from: JobStatus, to: JobStatus): boolean {
  return NEXT[from].includes(to);
}

export function hasEnded(status: JobStatus): boolean {
  return NEXT[status].length === 0;
}
