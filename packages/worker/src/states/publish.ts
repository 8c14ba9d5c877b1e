import { type FileId, isCodedError } from "@kilotune/contract";
import { renderReport } from "@kilotune/report";
import { addJobEvent, finishJob, getJob, storeResult } from "@kilotune/service";
import type { Execution, StateContext } from "./context.ts";
import { type JobOutput, parseReport, readResult } from "./job-result.ts";
import { resultNames } from "./result-names.ts";
import { state, stillWanted, unlessErased } from "./state.ts";
import { JobStopped } from "./state-error.ts";
import { stepMetrics } from "./step-metrics.ts";

/** The prompt becomes a model in the same write that ends the job; what it measured, files of the tenant. */
export const publish = state(async (context, execution) => {
  const { service } = context;
  const { tenant, job: id } = execution;
  // A job that was paused this late has been done: it may succeed.
  const job = await unlessErased(getJob(service, tenant, id));
  if (job.status === "succeeded") return;
  stillWanted(job, ["running", "paused"]);
  const output = await readResult(service, execution);
  if (output === undefined) throw new Error("there is nothing to publish: Tune comes before");
  const resultFiles = await keepResults(context, execution, output);
  const { promptId, prompt: bytes, trainedTokens } = output;
  const outcome = { status: "succeeded", promptId, bytes, trainedTokens, resultFiles } as const;
  const ended = await finishJob(service, tenant, id, outcome);
  stillWanted(ended, ["succeeded"]);
});

/** A repeat makes no second ones. */
async function keepResults(
  { service, log }: StateContext,
  { tenant, job }: Execution,
  output: JobOutput,
): Promise<FileId[]> {
  const report = parseReport(output);
  const contents = {
    csv: Buffer.from(stepMetrics(report)),
    html: Buffer.from(renderReport(report)),
    json: output.report,
  };
  const kept: FileId[] = [];
  try {
    for (const [type, filename] of Object.entries(resultNames(job)))
      kept.push(
        await storeResult(service, tenant, job, filename, chunksOf(contents[type as keyof typeof contents])),
      );
  } catch (error) {
    if (isCodedError(error) && error.code === "job_ended") throw new JobStopped("the job has ended");
    // A model without its report is better than none: the tenant's storage is full, say.
    if (!isCodedError(error)) log(error);
    const why = isCodedError(error) ? `: ${error.message}` : ".";
    await addJobEvent(service, tenant, job, {
      level: "warn",
      message: `Not all results could be kept${why}`,
    });
  }
  return kept;
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
