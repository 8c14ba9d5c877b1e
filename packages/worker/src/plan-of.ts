import { textClassification } from "./classes/text-classification.ts";
import type { TuneJob } from "./job.ts";
import type { RowsOf, TaskPlan } from "./task.ts";

/** Hands the plan of the job's task to `run`. A new task is a new case. */
export function planOf<Result>(job: TuneJob, run: RunPlan<Result>): Promise<Result> {
  return run(textClassification(job));
}

/** Whatever a task's rows and answers are. */
export type RunPlan<Result> = <File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
) => Promise<Result>;
