import path from "node:path";
import type { Progress } from "@kilotune/service";
import type { JobEvent } from "../job.ts";

/** A worker's event as one of the job's; undefined where it says nothing to a tenant. `isNews`: told at once, not only the latest. */
export function progressOf(
  event: JobEvent,
  scratch: string,
): { readonly progress: Progress; readonly isNews: boolean } | undefined {
  switch (event.kind) {
    case "stage":
      return { progress: { message: capitalised(event.words) }, isNews: true };
    case "note":
      // Notes may name a file of this machine.
      return {
        progress: { message: event.words.replaceAll(scratch + path.sep, ""), level: "warn" },
        isNews: true,
      };
    case "progress":
      return {
        progress: { message: `${WORDS[event.stage]}: ${Math.round(100 * event.share)} %` },
        isNews: false,
      };
    case "training":
      return { progress: trainingProgress(event), isNews: false };
    case "device":
      return { progress: { message: deviceWords(event.device) }, isNews: true };
    // The Validate state told of it.
    case "lint":
      return undefined;
  }
}

function deviceWords(device: "cpu" | "cuda"): string {
  return device === "cuda" ? "Running on an NVIDIA card (CUDA)." : "Running on the CPU.";
}

function trainingProgress(event: JobEvent & { readonly kind: "training" }): Progress {
  const { run, epoch, epochs, step, steps, loss, validationAccuracy, secondsLeft } = event;
  const what = run === "selection" ? "Tuning, measured on held-out rows" : "Tuning on all rows";
  return {
    message: `${what}: epoch ${epoch} of ${epochs}, loss ${loss.toFixed(3)}`,
    metrics: {
      step,
      total_steps: steps,
      epoch,
      ...(Number.isFinite(loss) ? { train_loss: loss } : {}),
      ...(validationAccuracy === null ? {} : { valid_accuracy: validationAccuracy }),
    },
    ...(Number.isFinite(secondsLeft) ? { secondsLeft } : {}),
  };
}

const WORDS: { readonly [Stage in (JobEvent & { kind: "progress" })["stage"]]: string } = {
  read: "Reading",
  prepare: "Running the frozen layers",
  baselines: "Fitting the baselines",
  tune: "Tuning",
  "cross-validation": "Cross-validating",
  publish: "Rounding",
  evaluate: "Answering rows",
};

function capitalised(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
