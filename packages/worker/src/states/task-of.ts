import path from "node:path";
import { guessFormat } from "@kilotune/dataset";
import { type Job, openFile } from "@kilotune/service";
import type { DataFile, TuneTask } from "../process/tasks.ts";
import type { Execution, StateContext } from "./context.ts";
import { writeFileOf } from "./job-blobs.ts";

/** A job as what tunes it wants it, with its files beside it in the folder. */
export async function taskOf(
  context: StateContext,
  execution: Execution,
  job: Job,
  folder: string,
): Promise<Omit<TuneTask, "kind" | "swept">> {
  const { trainingFile, validationFile, method, model, seed, createdAt } = job;
  const train = await fetched(context, execution, trainingFile, path.join(folder, "train"));
  const validation =
    validationFile === null
      ? undefined
      : await fetched(context, execution, validationFile, path.join(folder, "validation"));
  return {
    backbone: model,
    input: inputOf(context, model),
    task: job.task,
    outOfScope: job.outOfScope ?? undefined,
    train,
    validation,
    method: method.type,
    tokens: method.tokens ?? undefined,
    firstLayer: method.firstLayer ?? undefined,
    epochs: method.epochs,
    seed,
    folds: job.folds ?? undefined,
    ...(job.tiles && { tiles: true }),
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
