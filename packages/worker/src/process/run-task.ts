import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { KilotuneError, type TuneReport } from "@kilotune/contract";
import { readPromptFile } from "@kilotune/prompt/node";
import { WHOLE_RUN } from "@kilotune/tuner";
import { fileSource } from "../file-source.ts";
import { imageRowsOf } from "../images/image-source.ts";
import type { DataSource, ImageJob, PromptInit, TextJob, TuneJob } from "../job.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { trialsHere, withCandidate } from "../trials.ts";
import { answerImages } from "./answer-images.ts";
import { answerTwice } from "./answer-twice.ts";
import {
  type AnyTask,
  type AnyTaskResult,
  type DataFile,
  TASK_FILES,
  type TaskHooks,
  type TrialTask,
  type TrialTaskResult,
  type TuneTask,
  type TuneTaskResult,
} from "./tasks.ts";

/** Does a task here and now, on a backbone that is open. */
export function runTask(
  task: AnyTask,
  backbone: Backbone | VisionBackbone,
  hooks: TaskHooks,
): Promise<AnyTaskResult> {
  if (task.kind === "tune") return runTune(task, backbone, hooks);
  if (task.kind === "trial") return runTrial(task, backbone, hooks);
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
  const { createdAt, folder, swept } = task;
  const { device, ...jobHooks } = hooks;
  const asked = { ...(await jobOf(task, backbone)), ...(device && { device }) };
  const job = swept === undefined ? asked : withCandidate(asked, swept[0].settings);
  const { report, stored, trainedTokens } = await runTuneJob(job, { ...jobHooks, createdAt });
  const told: TuneReport = {
    ...report,
    // A path of this machine says nothing to who reads the report.
    prompt: { ...report.prompt, path: `${stored.id}.safetensors` },
    ...(swept === undefined ? {} : { sweep: swept }),
  };
  await writeFile(path.join(folder, TASK_FILES.report), JSON.stringify(told));
  return { promptId: stored.id.replace(/^sha256-/, ""), trainedTokens };
}

async function runTrial(
  task: TrialTask,
  backbone: Backbone | VisionBackbone,
  hooks: TaskHooks,
): Promise<TrialTaskResult> {
  const onShare = (share: number) => hooks.onEvent({ kind: "progress", stage: "tune", share });
  await using trials = trialsHere(await jobOf(task, backbone), hooks, onShare);
  return { score: await trials.measure(task.candidate, WHOLE_RUN, 0) };
}

async function jobOf(task: TuneTask | TrialTask, backbone: Backbone | VisionBackbone): Promise<TuneJob> {
  const { train, validation, outOfScope, tokens, firstLayer, method, epochs, seed, folds, title, folder } =
    task;
  const { init, reparam } = task;
  const shared = {
    method,
    ...(tokens === undefined ? {} : { tokens }),
    ...(firstLayer === undefined ? {} : { firstLayer }),
    ...(init && { init: await initOf(init) }),
    epochs,
    seed,
    ...(folds === undefined ? {} : { folds }),
    title,
    out: path.join(folder, TASK_FILES.prompt),
    checkpoints: path.join(folder, TASK_FILES.checkpoints),
    resume: true,
  };
  if (!isOfImages(backbone)) {
    if (method === "channels" || method === "border") throw unknownHere("a method of texts", method);
    return {
      ...shared,
      method,
      backbone,
      task: textTask(task),
      ...(outOfScope && { outOfScope: outOfScope.label === null ? {} : { label: outOfScope.label } }),
      ...(reparam && { reparam }),
      train: sourceOf(train),
      ...(validation === undefined ? {} : { validation: sourceOf(validation) }),
    };
  }
  const rowsOf = ({ path: file, name }: DataFile) => imageRowsOf(file, name);
  if (method === "bias") throw unknownHere("a method of images", method);
  return {
    ...shared,
    method,
    input: "image",
    task: imageTask(task),
    backbone,
    ...(task.tiles && { tiles: task.tiles }),
    train: rowsOf(train),
    ...(validation === undefined ? {} : { validation: rowsOf(validation) }),
  };
}

async function initOf(init: NonNullable<TuneTask["init"]>): Promise<PromptInit> {
  if (init.kind !== "file") return init;
  return { kind: "prompt", prompt: await readPromptFile(init.path) };
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
