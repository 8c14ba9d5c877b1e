import { imageClassification } from "./classes/image-classification.ts";
import { textClassification } from "./classes/text-classification.ts";
import type { TuneJob } from "./job.ts";
import type { RowsOf, TaskPlan } from "./task.ts";

/** Hands the plan of the job's task to `run`. A new task is a new case. */
export function planOf<Result>(job: TuneJob, run: RunPlan<Result>): Promise<Result> {
  if (job.input !== "image") return run(textClassification(job));
  switch (job.task) {
    case "classification":
      return run(imageClassification(job));
    default:
      throw new Error(`no plan for ${job.task}`);
  }
}

/** Whatever a task's rows and answers are. */
export type RunPlan<Result> = <File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
) => Promise<Result>;
