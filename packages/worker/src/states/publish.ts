import { isCodedError } from "@kilotune/contract";
import { renderReport } from "@kilotune/report";
import { addJobEvent, createFile, finishJob, getJob } from "@kilotune/service";
import type { Execution, StateContext } from "./context.ts";
import { type JobOutput, parseReport, readResult } from "./job-result.ts";
import { state, stillWanted, unlessErased } from "./state.ts";

/** Fourth state: the prompt becomes a model in the same write that ends the job; the report a file of the tenant. */
export const publish = state(async (context, execution) => {
  const { service } = context;
  const { tenant, job: id } = execution;
  // A job that was paused this late has been done: it may succeed.
  const job = await unlessErased(getJob(service, tenant, id));
  if (job.status === "succeeded") return;
  stillWanted(job, ["running", "paused"]);
  const output = await readResult(service, execution);
  if (output === undefined) throw new Error("there is nothing to publish: Tune comes before");
  await keepReport(context, execution, output);
  const { promptId, prompt: bytes, trainedTokens } = output;
  const ended = await finishJob(service, tenant, id, { status: "succeeded", promptId, bytes, trainedTokens });
  stillWanted(ended, ["succeeded"]);
});

/** Files that are made again have the same names and bytes, so a repeat makes no second ones. */
async function keepReport(
  { service, log }: StateContext,
  { tenant, job }: Execution,
  output: JobOutput,
): Promise<void> {
  const keep = (kind: string, bytes: Uint8Array) => {
    const request = { filename: `report-${job}.${kind}`, purpose: "user_data" };
    return createFile(
      service,
      tenant,
      { ...request, idempotencyKey: `report/${job}/${kind}` },
      chunksOf(bytes),
    );
  };
  try {
    const page = await keep("html", Buffer.from(renderReport(parseReport(output))));
    const data = await keep("json", output.report);
    await addJobEvent(service, tenant, job, {
      level: "info",
      message: `The report is in the files ${page.id} (HTML) and ${data.id} (JSON).`,
    });
  } catch (error) {
    // A model without its report is better than none: the tenant's storage is full, say.
    if (!isCodedError(error)) log(error);
    const why = isCodedError(error) ? `: ${error.message}` : ".";
    await addJobEvent(service, tenant, job, {
      level: "warn",
      message: `The report could not be kept${why}`,
    });
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
