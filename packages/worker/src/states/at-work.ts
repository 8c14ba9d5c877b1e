import path from "node:path";
import { TASK_FILES, type TaskHooks } from "../process/tasks.ts";
import { checkpointCopies } from "./checkpoint-copies.ts";
import type { Execution, StateContext } from "./context.ts";
import { removeJobBlobs, scratchFolder } from "./job-blobs.ts";
import { jobThatIs } from "./state.ts";
import { type Watch, watched } from "./watched.ts";

/**
 * Tunes in a folder of the moment, from the last checkpoint on. While it does, and where it's stopped or dies, its
 * checkpoints go into blobs; of a tenant that is erased meanwhile nothing stays.
 *
 * @param checkpoints the blobs' folder
 * @param keep what came out, before the folder is removed
 */
export async function atWork<Task, Result>(
  context: StateContext,
  execution: Execution,
  { checkpoints: blobs, ...watch }: Watch & { readonly checkpoints: string },
  work: {
    prepare(folder: string): Promise<Task>;
    run(task: Task, hooks: TaskHooks): Promise<Result>;
    keep(result: Result, folder: string): Promise<void>;
  },
): Promise<void> {
  await using scratch = await scratchFolder(context.scratch);
  const folder = scratch.path;
  const checkpoints = checkpointCopies(context.service, execution, {
    blobs,
    folder: path.join(folder, TASK_FILES.checkpoints),
  });
  await checkpoints.restore();
  const task = await work.prepare(folder);
  let result: Result;
  try {
    result = await watched(context, execution, folder, (hooks) => work.run(task, hooks), {
      ...watch,
      afterReport: checkpoints.save,
    });
  } catch (error) {
    // Stopped, failed or dead: whoever goes on does so from here.
    await checkpoints.save();
    await forgetIfErased(context, execution);
    throw error;
  }
  await work.keep(result, folder);
  await forgetIfErased(context, execution);
}

/** A tenant that was erased while its job was stopping leaves no bytes: what was written since goes too. */
async function forgetIfErased(context: StateContext, execution: Execution): Promise<void> {
  const any = ["validating_files", "queued", "running", "paused", "succeeded", "failed"] as const;
  try {
    await jobThatIs(context, execution, any);
  } catch (error) {
    await removeJobBlobs(context.service, execution);
    throw error;
  }
}
