import { deliverEvents, getJob, hasEnded, removeResults } from "@kilotune/service";
import { removeJobBlobs } from "./job-blobs.ts";
import { resultNames } from "./result-names.ts";
import { state, unlessErased } from "./state.ts";

/**
 * Last state, whatever came before: who waits for the job's end is told, and what only a running job needs is removed.
 * What can't be delivered now comes due again; see `deliverEvents`.
 */
export const notify = state(async ({ service, send, log }, execution) => {
  const { tenant, job: id } = execution;
  await deliverEvents(service, send).catch(log);
  const job = await unlessErased(getJob(service, tenant, id)).catch(() => undefined);
  if (job === undefined || hasEnded(job.status)) await removeJobBlobs(service, execution);
  // Ended between their storing and its publication.
  if (job !== undefined && (job.status === "cancelled" || job.status === "failed"))
    await removeResults(service, tenant, Object.values(resultNames(id)));
});
