import type { BackboneManifest } from "@kilotune/backbone";
import { KilotuneError, METHOD_SHAPES } from "@kilotune/contract";
import { badInit, type chooseSettings, type Reparametrisation, type TuneSettings } from "@kilotune/tuner";
import type { TextJob } from "../job.ts";
import { checkInit, sizesOfInit } from "./prompt-init.ts";

/** What a job's run goes by: the task's choice, then what its user asked for, then what a sweep found. */
export function textSettings(
  job: TextJob,
  trainRows: number,
  choose: (manifest: BackboneManifest, about: Parameters<typeof chooseSettings>[1]) => TuneSettings,
): TuneSettings | undefined {
  const { reparam } = job;
  if (job.method === "head") {
    if (job.init !== undefined)
      throw badInit("a method that learns a prompt", "head", "Leave it out, or say kv, soft or deep.");
    if (reparam !== undefined) throw noTokens(job.method);
    return undefined;
  }
  if (reparam !== undefined && !METHOD_SHAPES[job.method].standsForTokens) throw noTokens(job.method);
  const chosen = choose(job.backbone.manifest, {
    method: job.method,
    seed: job.seed,
    trainRows,
    ...sizesOfInit(job),
    ...(job.tokens === undefined ? {} : { tokens: job.tokens }),
    ...(job.firstLayer === undefined ? {} : { firstLayer: job.firstLayer }),
    ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
  });
  const settings = {
    ...chosen,
    ...(job.init && { init: job.init.kind }),
    ...(reparam && { reparam: reparamWords(reparam) }),
    ...job.settings,
  };
  checkInit(job, settings);
  return settings;
}

/** As `tune --reparam` spells it. */
function reparamWords(reparam: Reparametrisation): string {
  return reparam.kind === "mlp" ? `mlp:${reparam.width}` : `low-rank:${reparam.rank}`;
}

function noTokens(method: string): KilotuneError {
  return badReparam(
    "a method whose prompt stands for tokens",
    method,
    "Leave it out, or say kv, soft or deep.",
  );
}

export function badReparam(expected: string, seen: string, hint: string): KilotuneError {
  return new KilotuneError("bad_reparam", `reparam: expected ${expected}, saw ${seen}`, hint, {
    kind: "usage",
  });
}
