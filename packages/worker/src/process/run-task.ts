import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { KilotuneError, type TuneReport } from "@kilotune/contract";
import { fileSource } from "../file-source.ts";
import { imageRowsOf } from "../images/image-source.ts";
import type { DataSource, ImageJob, TextJob, TuneJob } from "../job.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { answerImages } from "./answer-images.ts";
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
  backbone: Backbone | VisionBackbone,
  hooks: TaskHooks,
): Promise<TuneTaskResult | AnswerTaskResult> {
  if (task.kind === "tune") return runTune(task, backbone, hooks);
  return isOfImages(backbone)
    ? answerImages(backbone, task, hooks)
    : answerTwice(backbone, task.prompt, sourceOf(task.rows), task.maxRows, hooks);
}

export function isOfImages(backbone: Backbone | VisionBackbone): backbone is VisionBackbone {
  return "preprocessing" in backbone.manifest;
}

async function runTune(
  task: TuneTask,
  backbone: Backbone | VisionBackbone,
  hooks: TaskHooks,
): Promise<TuneTaskResult> {
  const { createdAt, folder } = task;
  const { report, stored, trainedTokens } = await runTuneJob(jobOf(task, backbone), { ...hooks, createdAt });
  // A path of this machine says nothing to who reads the report.
  const told: TuneReport = { ...report, prompt: { ...report.prompt, path: `${stored.id}.safetensors` } };
  await writeFile(path.join(folder, TASK_FILES.report), JSON.stringify(told));
  return { promptId: stored.id.replace(/^sha256-/, ""), trainedTokens };
}

function jobOf(task: TuneTask, backbone: Backbone | VisionBackbone): TuneJob {
  const { train, validation, tokens, firstLayer, method, epochs, seed, title, folder } = task;
  const shared = {
    method,
    ...(tokens === undefined ? {} : { tokens }),
    ...(firstLayer === undefined ? {} : { firstLayer }),
    epochs,
    seed,
    title,
    out: path.join(folder, TASK_FILES.prompt),
    checkpoints: path.join(folder, TASK_FILES.checkpoints),
    resume: true,
  };
  if (!isOfImages(backbone)) {
    if (method === "deep" || method === "channels") throw unknownHere("a method of texts", method);
    return {
      ...shared,
      method,
      backbone,
      task: textTask(task),
      train: sourceOf(train),
      ...(validation === undefined ? {} : { validation: sourceOf(validation) }),
    };
  }
  const rowsOf = ({ path: file, name }: DataFile) => imageRowsOf(file, name);
  return {
    ...shared,
    input: "image",
    task: imageTask(task),
    backbone,
    train: rowsOf(train),
    ...(validation === undefined ? {} : { validation: rowsOf(validation) }),
  };
}

function textTask({ task }: Pick<TuneTask, "task">): NonNullable<TextJob["task"]> {
  if (task !== "segmentation" && task !== "detection") return task;
  throw unknownHere("a task of texts", task);
}

function imageTask({ task }: Pick<TuneTask, "task">): ImageJob["task"] {
  switch (task) {
    case "classification":
    case "multi_label":
    case "segmentation":
    case "detection":
      return task;
    default:
      throw unknownHere("a task of images", task);
  }
}

function unknownHere(expected: string, seen: string): KilotuneError {
  return new KilotuneError("invalid_value", `expected ${expected}, saw ${seen}`, "Make another job.");
}

function sourceOf({ path: file, name, format }: DataFile): DataSource {
  return { name, format, open: fileSource(file).open };
}
