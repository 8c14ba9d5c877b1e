import { readFile } from "node:fs/promises";
import path from "node:path";
import { guessFormat } from "@kilotune/dataset";
import { beginJob, type Job, openFile } from "@kilotune/service";
import { type DataFile, TASK_FILES, type TuneTask, type TuneTaskResult } from "../process/tasks.ts";
import { checkpointCopies } from "./checkpoint-copies.ts";
import type { Execution, StateContext } from "./context.ts";
import { removeJobBlobs, scratchFolder, writeFileOf } from "./job-blobs.ts";
import { keepResult, readResult } from "./job-result.ts";
import { jobThatIs, state, stillWanted, unlessErased } from "./state.ts";
import { watched } from "./watched.ts";

/** Second state: in its tenant's turn the job is tuned, from its last checkpoint on, and what came out is kept. */
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
  await using scratch = await scratchFolder(context.scratch);
  const folder = scratch.path;
  const checkpoints = checkpointCopies(service, execution, path.join(folder, TASK_FILES.checkpoints));
  await checkpoints.restore();
  const task = await taskOf(context, execution, job, folder);
  let result: TuneTaskResult;
  try {
    result = await watched(
      context,
      execution,
      folder,
      (hooks) => compute.tune(task, hooks),
      checkpoints.save,
    );
  } catch (error) {
    // Stopped, failed or dead: whoever goes on does so from here.
    await checkpoints.save();
    await forgetIfErased(context, execution);
    throw error;
  }
  const read = (name: string) => readFile(path.join(folder, name));
  await keepResult(service, execution, {
    ...result,
    prompt: await read(TASK_FILES.prompt),
    report: await read(TASK_FILES.report),
  });
  await forgetIfErased(context, execution);
}

async function taskOf(
  context: StateContext,
  execution: Execution,
  job: Job,
  folder: string,
): Promise<TuneTask> {
  const { trainingFile, validationFile, method, model, seed, createdAt } = job;
  const train = await fetched(context, execution, trainingFile, path.join(folder, "train"));
  const validation =
    validationFile === null
      ? undefined
      : await fetched(context, execution, validationFile, path.join(folder, "validation"));
  return {
    kind: "tune",
    backbone: model,
    input: inputOf(context, model),
    task: job.task,
    train,
    validation,
    method: method.type,
    tokens: method.tokens ?? undefined,
    firstLayer: method.firstLayer ?? undefined,
    epochs: method.epochs,
    seed,
    title: job.suffix || train.name,
    createdAt: new Date(1000 * createdAt),
    folder,
  };
}

/** What the backbone reads. */
export function inputOf({ service }: StateContext, backbone: string): "text" | "image" {
  return service.backbones.get(backbone)?.input ?? "text";
}

/** A tenant's file on this machine, under a name of ours. */
export async function fetched(
  { service }: StateContext,
  { tenant }: Execution,
  fileId: string,
  to: string,
): Promise<DataFile> {
  const { file, chunks } = await openFile(service, tenant, fileId);
  await writeFileOf(chunks, to);
  return { path: to, name: file.filename, format: guessFormat(file.filename) };
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
