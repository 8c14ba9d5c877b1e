import type { BackboneManifest } from "@kilotune/backbone";
import { badInit, type chooseSettings, type TuneSettings } from "@kilotune/tuner";
import type { TextJob } from "../job.ts";
import { checkInit, sizesOfInit } from "./prompt-init.ts";

/** What a job's run goes by: the task's choice, then what its user asked for, then what a sweep found. */
export function textSettings(
  job: TextJob,
  trainRows: number,
  choose: (manifest: BackboneManifest, about: Parameters<typeof chooseSettings>[1]) => TuneSettings,
): TuneSettings | undefined {
  if (job.method === "head") {
    if (job.init === undefined) return undefined;
    throw badInit("a method that learns a prompt", "head", "Leave it out, or say kv or soft.");
  }
  const chosen = choose(job.backbone.manifest, {
    method: job.method,
    seed: job.seed,
    trainRows,
    ...sizesOfInit(job),
    ...(job.tokens === undefined ? {} : { tokens: job.tokens }),
    ...(job.firstLayer === undefined ? {} : { firstLayer: job.firstLayer }),
    ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
  });
  const settings = { ...chosen, ...job.settings };
  checkInit(job, settings);
  return settings;
}
