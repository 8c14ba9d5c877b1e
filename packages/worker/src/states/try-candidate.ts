import { settingWords } from "@kilotune/contract";
import { beginTrial, reportProgress } from "@kilotune/service";
import { atWork } from "./at-work.ts";
import { jobThatIs, state, stillWanted, unlessErased } from "./state.ts";
import { taskOf } from "./task-of.ts";
import { keepTrial, readTrial, trialBlob } from "./trials.ts";

/** Of a job with a sweep: one of its candidates is tuned on a part of the rows and measured on the rest. Many go at once. */
export const tryCandidate = state(async (context, execution, input) => {
  const { service, signal, compute } = context;
  const { tenant, job: id } = execution;
  const trial = Number(input.trial);
  await jobThatIs(context, execution, ["queued", "running"]);
  if ((await readTrial(service, execution, trial)) !== undefined) return;
  await context.turn(tenant, signal, async () => {
    const job = stillWanted(await unlessErased(beginTrial(service, tenant, id)), ["running"]);
    const candidate = job.sweep?.[trial];
    if (candidate === undefined) throw new Error(`the job has no candidate ${input.trial}`);
    const part = `Candidate ${trial + 1} of ${job.sweep?.length} (${settingWords(candidate) || "as it stands"})`;
    await atWork(
      context,
      execution,
      { checkpoints: trialBlob(execution, trial, "checkpoints"), part },
      {
        prepare: async (folder) => ({
          kind: "trial" as const,
          ...(await taskOf(context, execution, job, folder)),
          candidate,
        }),
        run: (task, { onEvent, signal: stop }) => compute.measure(task, { onEvent, signal: stop }),
        async keep({ score }) {
          await keepTrial(service, execution, trial, score);
          const told = Number.isFinite(score) ? `${score.toFixed(4)} on held-out rows` : "diverged";
          await unlessErased(
            reportProgress(service, tenant, id, { message: `${part}: ${told}.`, spentMs: 0 }),
          );
        },
      },
    );
  });
});
