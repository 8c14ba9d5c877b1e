import { availableParallelism } from "node:os";
import { bundleOf, type Precision } from "@kilotune/backbone";
import type { Parallel } from "@kilotune/worker";
import type { Flags } from "./args/flags.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { usageError } from "./usage-error.ts";
import { pullSettings } from "./with-backbone.ts";

/** How many candidates of a sweep are tried at once. */
export const PARALLEL_FLAGS = {
  parallel: {
    kind: "integer",
    value: "N",
    min: 1,
    max: 256,
    or: "auto",
    about: "So many candidates at once; auto: what cores and memory allow",
    default: 1,
  },
  memory: {
    kind: "integer",
    value: "MB",
    min: 1,
    max: 10_000_000,
    about: "Of all that are tried at once; of auto, four fifths of what is free else",
  },
} as const satisfies Flags;

/** undefined for one after the other in this process. The backbone is there: it was opened. */
export async function parallelOf(
  {
    parallel,
    memory,
    backbone,
    precision,
  }: {
    readonly parallel: number | "auto";
    readonly memory: number | undefined;
    readonly backbone: string;
    readonly precision: Precision;
  },
  terminal: Terminal,
): Promise<Parallel | undefined> {
  const cores = availableParallelism();
  const processes = parallel === "auto" ? cores : parallel;
  if (parallel === 1 && memory !== undefined)
    throw usageError("sweep", "--memory is of candidates that are tried at once", "Add --parallel auto.");
  if (processes === 1) return undefined;
  const free = parallel === "auto" ? 0.8 * process.availableMemory() : undefined;
  const memoryBytes = memory === undefined ? free : memory * 1e6;
  return {
    processes,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    threads: Math.max(1, Math.floor(cores / processes)),
    bundle: await bundleOf(backbone, { ...pullSettings(terminal), precision }),
  };
}
