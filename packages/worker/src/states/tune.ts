import { readFile } from "node:fs/promises";
import path from "node:path";
import { beginJob, type Job } from "@kilotune/service";
import { TASK_FILES } from "../process/tasks.ts";
import { atWork } from "./at-work.ts";
import type { Execution, StateContext } from "./context.ts";
import { jobBlob } from "./job-blobs.ts";
import { keepResult, readResult } from "./job-result.ts";
import { jobThatIs, state, stillWanted, unlessErased } from "./state.ts";
import { taskOf } from "./task-of.ts";
import { rankedTrials } from "./trials.ts";

/** In its tenant's turn the job is tuned, from its last checkpoint on, and what came out is kept. */
export const tune = state(async (context, execution) => {
  const { service, signal } = context;
  const { tenant, job: id } = execution;
  await jobThatIs(context, execution, ["queued", "running"]);
  await context.turn(tenant, signal, async () => {
    const job = stillWanted(await unlessErased(beginJob(service, tenant, id)), ["running"]);
    if ((await readResult(service, execution)) === undefined) await tuneNow(context, execution, job);
  });
});

async function tuneNow(context: StateContext, execution: Execution, job: Job): Promise<void> {
  const { service, compute } = context;
  const swept = await rankedTrials(service, execution, job);
  await atWork(
    context,
    execution,
    { checkpoints: jobBlob(execution, "checkpoints") },
    {
      prepare: async (folder) => ({
        kind: "tune" as const,
        ...(await taskOf(context, execution, job, folder)),
        ...(swept && { swept }),
      }),
      run: (task, hooks) => compute.tune(task, hooks),
      async keep(result, folder) {
        const read = (name: string) => readFile(path.join(folder, name));
        await keepResult(service, execution, {
          ...result,
          prompt: await read(TASK_FILES.prompt),
          report: await read(TASK_FILES.report),
        });
      },
    },
  );
}
