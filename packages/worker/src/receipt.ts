import type { Receipt } from "@kilotune/prompt";
import { askedInit } from "./asked-init.ts";
import { engineFacts } from "./engine-facts.ts";
import type { TuneJob } from "./job.ts";
import type { JobData, RowsOf } from "./task.ts";
import { CODE_VERSION } from "./version.ts";

/** All that a job's bytes depend on, besides the backbone, which the manifest names anyway. */
export function receiptOf(
  job: TuneJob,
  { sha256, validation }: Pick<JobData<RowsOf>, "sha256" | "validation">,
  { epochs, trainRows }: Pick<Receipt, "epochs" | "trainRows">,
): Omit<Receipt, "settings"> {
  return {
    dataSha256: sha256,
    seed: job.seed,
    epochs,
    trainRows,
    ...(validation === undefined ? {} : { validationRows: validation.count }),
    codeVersion: CODE_VERSION,
    asked: askedOf(job),
    engine: engineFacts(job.device),
  };
}

/** What of a job decides how its prompt's numbers come about; nothing where that is as usual. */
export function promptFacts(job: TuneJob): Pick<NonNullable<Receipt["asked"]>, "init" | "reparam"> {
  const { init } = job;
  const reparam = job.input === "image" ? undefined : job.reparam;
  return { ...(init && { init: askedInit(init) }), ...(reparam && { reparam }) };
}

/** A setting of jobs that decides numbers is named here, in the receipt's schema, and in `jobOfReceipt`. */
function askedOf(job: TuneJob): NonNullable<Receipt["asked"]> {
  const { method, tokens, firstLayer, shots, epochs, settings, publishAsked, together } = job;
  return {
    ...promptFacts(job),
    method,
    ...(tokens === undefined ? {} : { tokens }),
    ...(firstLayer === undefined ? {} : { firstLayer }),
    ...(shots === undefined ? {} : { shots }),
    epochs,
    ...(settings === undefined ? {} : { settings: { ...settings } }),
    ...(publishAsked && { publishAsked }),
    ...(together && { together }),
    ...(job.input === "image" && job.tiles && { tiles: job.tiles }),
  };
}
