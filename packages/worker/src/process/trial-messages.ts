import type { Candidate, Rung } from "@kilotune/tuner";
import type { JobEvent, TextJob } from "../job.ts";
import type { DataFile } from "./tasks.ts";
import type { ToldError } from "./told-error.ts";

/** What a sweep says to a process that tries its candidates, and what that one says back. */

export type ToTrialChild =
  /** First, and once. */
  | { readonly kind: "job"; readonly job: TrialJob; readonly bundle: string; readonly threads: number }
  /** One at a time. */
  | Question
  /** Leaves a checkpoint and answers what was asked with `interrupted`. */
  | { readonly kind: "stop" }
  | { readonly kind: "end" };

export type Question =
  | { readonly kind: "facts"; readonly candidate: Candidate }
  | { readonly kind: "measure"; readonly candidate: Candidate; readonly rung: Rung; readonly index: number };

export type FromTrialChild =
  | { readonly kind: "event"; readonly event: JobEvent }
  | {
      readonly kind: "answer";
      readonly answer: unknown;
      /** The most memory that it has had so far. */
      readonly peakBytes: number;
    }
  | { readonly kind: "failed"; readonly error: ToldError };

/** A job whose files another process can read. */
export interface TrialJob extends Omit<TextJob, "backbone" | "train" | "validation" | "test" | "otherTests"> {
  readonly train: DataFile;
  readonly validation?: DataFile;
  readonly test?: DataFile;
}
