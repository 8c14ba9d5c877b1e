import type { BackboneManifest } from "@kilotune/backbone";
import type { chooseSettings, TuneSettings } from "@kilotune/tuner";
import type { TextJob } from "../job.ts";

/** What a job's run goes by: the task's choice, then what its user asked for, then what a sweep found. */
export function textSettings(
  job: TextJob,
  trainRows: number,
  choose: (manifest: BackboneManifest, about: Parameters<typeof chooseSettings>[1]) => TuneSettings,
): TuneSettings | undefined {
  if (job.method === "head") return undefined;
  const chosen = choose(job.backbone.manifest, {
    method: job.method,
    seed: job.seed,
    trainRows,
    ...(job.tokens === undefined ? {} : { tokens: job.tokens }),
    ...(job.firstLayer === undefined ? {} : { firstLayer: job.firstLayer }),
    ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
  });
  return { ...chosen, ...job.settings };
}
