import { imageClassification } from "./classes/image-classification.ts";
import { textClassification } from "./classes/text-classification.ts";
import { imageDetection } from "./dense/detection.ts";
import { imageSegmentation } from "./dense/segmentation.ts";
import { imageLabels } from "./labels/image-labels.ts";
import { textLabels } from "./labels/text-labels.ts";
import type { JobHooks, TuneJob } from "./job.ts";
import { textTagging } from "./tags/text-tagging.ts";
import { textValues } from "./values/text-values.ts";
import { textRetrieval } from "./retrieval/text-retrieval.ts";
import type { RowsOf, TaskPlan } from "./task.ts";

/** Hands the plan of the job's task to `run`. A new task is a new case. */
export function planOf<Result>(job: TuneJob, hooks: JobHooks, run: RunPlan<Result>): Promise<Result> {
  if (job.input !== "image") {
    switch (job.task ?? "classification") {
      case "classification":
        return run(textClassification(job));
      case "multi_label":
        return run(textLabels(job));
      case "regression":
        return run(textValues(job));
      case "retrieval":
        return run(textRetrieval(job));
      case "tagging":
        return run(textTagging(job));
    }
  }
  switch (job.task) {
    case "classification":
      return run(imageClassification(job));
    case "multi_label":
      return run(imageLabels(job));
    case "segmentation":
      return run(imageSegmentation(job, hooks));
    case "detection":
      return run(imageDetection(job, hooks));
  }
}

/** Whatever a task's rows and answers are. */
export type RunPlan<Result> = <File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
) => Promise<Result>;
