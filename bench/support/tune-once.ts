import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone } from "@kilotune/backbone";
import { isClassification, mainFigure, type TuneReport } from "@kilotune/contract";
import { fileSource, type JobEvent, type JobResult, runTuneJob, type TextJob } from "@kilotune/worker";
import { say } from "./bench.ts";
import { withFolder } from "./temporary.ts";

/** One whole job on a data set's folder, from files to the published prompt, answered on its whole test file. */
export async function tuneOnce(
  backbone: Backbone,
  data: string,
  options: Pick<TextJob, "seed"> & Partial<Pick<TextJob, "shots" | "storage" | "method" | "epochs">>,
): Promise<JobResult & { bytes: Uint8Array }> {
  return withFolder(async (folder) => {
    const out = path.join(folder, "prompt.safetensors");
    const job: TextJob = {
      backbone,
      train: fileSource(path.join(data, "train.jsonl")),
      test: fileSource(path.join(data, "test.jsonl")),
      method: "kv",
      epochs: "auto",
      out,
      checkpoints: path.join(folder, "checkpoint"),
      resume: false,
      ...options,
    };
    const result = await runTuneJob(job, { onEvent: epochWords() });
    return { ...result, bytes: await readFile(out) };
  });
}

/** A line an epoch. */
export function epochWords(): (event: JobEvent) => void {
  let said = "";
  return (event) => {
    if (event.kind !== "training") return;
    const words = `  ${event.run} epoch ${event.epoch} of ${event.epochs}`;
    if (words !== said) say(`${words}, ${Math.round(event.secondsLeft)} s left`);
    said = words;
  };
}

/** Test accuracies in percent: of what was published and of the linear probe on the same rows. */
export function accuracies(report: TuneReport) {
  if (!isClassification(report)) throw new Error(`no accuracies of ${report.task}`);
  const { evaluation, candidates, prompt, verdict } = report;
  const test = candidates.find(({ name }) => name === "linearProbe")?.test;
  const probe = test ? mainFigure(test).value : Number.NaN;
  return {
    published: prompt.method,
    accuracy: 100 * evaluation.accuracy,
    linearProbe: 100 * probe,
    margin: 100 * (evaluation.accuracy - probe),
    heldOutMargin: 100 * verdict.margin,
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
