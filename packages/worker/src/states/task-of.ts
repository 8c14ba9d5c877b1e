import path from "node:path";
import { isCodedError, KilotuneError } from "@kilotune/contract";
import { guessFormat } from "@kilotune/dataset";
import { type Job, type JobInit, type JobReparam, openFile, openPrompt } from "@kilotune/service";
import type { Reparametrisation } from "@kilotune/tuner";
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
    ...(method.init && { init: await initOf(context, execution, method.init, folder) }),
    ...(method.reparam && { reparam: reparamOf(method.reparam) }),
    epochs: method.epochs,
    seed,
    folds: job.folds ?? undefined,
    ...(job.tiles && { tiles: true }),
    title: job.suffix || train.name,
    createdAt: new Date(1000 * createdAt),
    folder,
  };
}

/** What the job's prompt starts as; another model's prompt as a file in the folder. */
async function initOf(
  { service }: StateContext,
  { tenant }: Execution,
  init: JobInit,
  folder: string,
): Promise<NonNullable<TuneTask["init"]>> {
  if (typeof init === "string") return { kind: init };
  if ("text" in init) return { kind: "text", text: init.text };
  const to = path.join(folder, "init.safetensors");
  try {
    const { chunks } = await openPrompt(service, tenant, init.promptId);
    await writeFileOf(chunks, to);
  } catch (error) {
    if (!isCodedError(error) || error.code !== "not_found") throw error;
    throw new KilotuneError(
      "bad_init",
      `init: expected the prompt of ${init.model}, which is gone.`,
      "Make another job, from a model that there is.",
      { param: "init" },
    );
  }
  return { kind: "file", path: to };
}

function reparamOf(reparam: JobReparam): Reparametrisation {
  return reparam.type === "mlp"
    ? { kind: "mlp", width: reparam.width }
    : { kind: "low-rank", rank: reparam.rank };
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
