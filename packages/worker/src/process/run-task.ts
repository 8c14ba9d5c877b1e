import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone } from "@kilotune/backbone";
import type { TuneReport } from "@kilotune/contract";
import { fileSource } from "../file-source.ts";
import type { DataSource } from "../job.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { answerTwice } from "./answer-twice.ts";
import {
  type AnswerTask,
  type AnswerTaskResult,
  type DataFile,
  TASK_FILES,
  type TaskHooks,
  type TuneTask,
  type TuneTaskResult,
} from "./tasks.ts";

/** Does a task here and now, on a backbone that is open. */
export function runTask(
  task: TuneTask | AnswerTask,
  backbone: Backbone,
  hooks: TaskHooks,
): Promise<TuneTaskResult | AnswerTaskResult> {
  return task.kind === "tune"
    ? runTune(task, backbone, hooks)
    : answerTwice(backbone, task.prompt, sourceOf(task.rows), task.maxRows, hooks);
}

async function runTune(task: TuneTask, backbone: Backbone, hooks: TaskHooks): Promise<TuneTaskResult> {
  const { train, validation, tokens, firstLayer, method, epochs, seed, title, createdAt, folder } = task;
  const { report, stored, trainedTokens } = await runTuneJob(
    {
      backbone,
      train: sourceOf(train),
      ...(validation === undefined ? {} : { validation: sourceOf(validation) }),
      method,
      ...(tokens === undefined ? {} : { tokens }),
      ...(firstLayer === undefined ? {} : { firstLayer }),
      epochs,
      seed,
      title,
      out: path.join(folder, TASK_FILES.prompt),
      checkpoints: path.join(folder, TASK_FILES.checkpoints),
      resume: true,
    },
    { ...hooks, createdAt },
  );
  // A path of this machine says nothing to who reads the report.
  const told: TuneReport = { ...report, prompt: { ...report.prompt, path: `${stored.id}.safetensors` } };
  await writeFile(path.join(folder, TASK_FILES.report), JSON.stringify(told));
  return { promptId: stored.id.replace(/^sha256-/, ""), trainedTokens };
}

function sourceOf({ path: file, name, format }: DataFile): DataSource {
  return { name, format, open: fileSource(file).open };
}
