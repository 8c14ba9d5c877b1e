import type { MethodName, SweptCandidate, SweptSettings, TaskName } from "@kilotune/contract";
import type { Format } from "@kilotune/dataset";
import type { Device } from "@kilotune/engine/node";
import type { JobScope } from "@kilotune/service";
import type { Reparametrisation } from "@kilotune/tuner";
import type { EpochCheckpoint, JobEvent, PromptInit } from "../job.ts";

/** The heavy work of a job, as data: so that another process, or another machine, can do it. */

/** @throws WorkerDied; KilotuneError `interrupted` where aborted, and what the work throws */
export interface Compute {
  /** Leaves `prompt.safetensors` and `report.json` in the task's folder; where aborted, its checkpoints. */
  tune(task: TuneTask, hooks: TaskHooks): Promise<TuneTaskResult>;
  /** Leaves checkpoints where aborted. */
  measure(task: TrialTask, hooks: TaskHooks): Promise<TrialTaskResult>;
  answer(task: AnswerTask, hooks: TaskHooks): Promise<AnswerTaskResult>;
}

export interface TaskHooks {
  readonly onEvent: (event: JobEvent) => void;
  readonly onCheckpoint?: (checkpoint: EpochCheckpoint) => void;
  readonly signal: AbortSignal;
  /** What the backbone computes on; the CPU where left out. */
  readonly device?: Device;
}

export interface TuneTask {
  readonly kind: "tune";
  /** Its id. */
  readonly backbone: string;
  /** Of the backbone. */
  readonly input: "text" | "image";
  readonly task: TaskName;
  readonly outOfScope: JobScope | undefined;
  readonly train: DataFile;
  readonly validation: DataFile | undefined;
  readonly method: MethodName;
  readonly tokens: number | undefined;
  readonly firstLayer: number | undefined;
  /** Another prompt is the path of its file. */
  readonly init?: Exclude<PromptInit, { kind: "prompt" }> | { readonly kind: "file"; readonly path: string };
  readonly reparam?: Reparametrisation;
  readonly epochs: number | "auto";
  readonly seed: number;
  readonly folds?: number | undefined;
  /** Of masks and boxes. */
  readonly tiles?: true;
  readonly title: string;
  readonly createdAt: Date;
  readonly folder: string;
  /** What a sweep measured, the best first: that one's settings are tuned. */
  readonly swept?: readonly [SweptCandidate, ...SweptCandidate[]];
}

export interface TuneTaskResult {
  /** SHA-256 of the prompt's file, in hex. */
  readonly promptId: string;
  readonly trainedTokens: number;
}

/** A candidate of a sweep: tuned on a part of the rows, measured on the rest. */
export interface TrialTask extends Omit<TuneTask, "kind" | "swept"> {
  readonly kind: "trial";
  readonly candidate: SweptSettings;
}

export interface TrialTaskResult {
  /** On held-out rows, higher is better; -Infinity of one that diverged. */
  readonly score: number;
}

/** Rows of a file, answered by a prompt as serving does it, and again as the tuner does. */
export interface AnswerTask {
  readonly kind: "answer";
  readonly backbone: string;
  readonly input: "text" | "image";
  readonly task: TaskName;
  /** Path of its file. */
  readonly prompt: string;
  readonly rows: DataFile;
  /** At most so many of those whose label the prompt knows, evenly spread. */
  readonly maxRows: number;
}

export interface AnswerTaskResult {
  readonly rows: number;
  /** As serving answers them; null where an answer is neither right nor wrong: several labels, masks and boxes. */
  readonly right: number | null;
  /** Rows on which the two ways disagree by more than rounding. */
  readonly disagreeing: number;
}

export type AnyTask = TuneTask | TrialTask | AnswerTask;
export type AnyTaskResult = TuneTaskResult | TrialTaskResult | AnswerTaskResult;

export interface DataFile {
  readonly path: string;
  /** As its tenant calls it. */
  readonly name: string;
  readonly format: Format;
}

/** What is in a tuning task's folder. */
export const TASK_FILES = {
  prompt: "prompt.safetensors",
  report: "report.json",
  checkpoints: "checkpoints",
} as const;
