import type { Device } from "@kilotune/engine/node";
import type { EpochCheckpoint, JobEvent } from "../job.ts";
import type { AnyTask, AnyTaskResult } from "./tasks.ts";
import type { ToldError } from "./told-error.ts";

/** What a server says to the process that does its heavy work, and what that one says back. */

export type ToChild =
  | {
      readonly kind: "start";
      readonly task: AnyTask;
      /** Folder of the backbone's bundle. */
      readonly bundle: string;
      readonly threads: number;
      /** Left out: the CPU, and nothing is said of it. */
      readonly device?: Device | "auto" | undefined;
    }
  | { readonly kind: "stop" };

export type FromChild =
  | { readonly kind: "event"; readonly event: JobEvent }
  | { readonly kind: "checkpoint"; readonly checkpoint: EpochCheckpoint }
  | { readonly kind: "done"; readonly result: AnyTaskResult }
  | { readonly kind: "failed"; readonly error: ToldError };
