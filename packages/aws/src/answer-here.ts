import type { Backbone } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { type AnswerTask, type AnswerTaskResult, runTask, type TaskHooks } from "@kilotune/worker";

/** The `Evaluate` state's rows, answered in this process. Imported when needed: it brings ONNX Runtime with it. */
export async function answerHere(
  task: AnswerTask,
  backbone: Backbone,
  hooks: TaskHooks,
): Promise<AnswerTaskResult> {
  if (task.backbone !== backbone.manifest.id)
    throw new KilotuneError(
      "model_not_found",
      `The job's model is ${task.backbone}; this function has ${backbone.manifest.id}.`,
      "Deploy a stage for each backbone.",
    );
  return (await runTask(task, backbone, hooks)) as AnswerTaskResult;
}
