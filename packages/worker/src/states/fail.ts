import { finishJob } from "@kilotune/service";
import { state, unlessErased } from "./state.ts";
import { JobStopped, jobErrorOf } from "./state-error.ts";

/** Where any state's failure leads: the job ends, with words for its tenant. */
export const fail = state(async ({ service }, { tenant, job }, { failure }) => {
  const error = jobErrorOf(failure as Parameters<typeof jobErrorOf>[0]);
  try {
    await unlessErased(finishJob(service, tenant, job, { status: "failed", error }));
  } catch (stopped) {
    // Erased with its tenant meanwhile: nobody is left to be told.
    if (!(stopped instanceof JobStopped)) throw stopped;
  }
});
