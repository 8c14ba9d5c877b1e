import type { JobProgress } from "./progress.ts";
import type { JobData, RowsOf, Task, TaskPlan } from "./task.ts";

export interface OpenedTask<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome> {
  readonly data: JobData<File>;
  /** The caller's to close. */
  readonly task: Task<File, Rows, Fitted, Outcome>;
  readonly train: Rows;
  readonly validation: Rows | undefined;
}

/** A job's first two stages: its files read, its task opened, the rows to learn from sent through the frozen layers. */
export async function openTask<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
  progress: JobProgress,
): Promise<OpenedTask<File, Rows, Fitted, Outcome>> {
  progress.stage("read", "reading and checking the data");
  const data = await plan.read(progress.emit);
  progress.stage("prepare", "running the frozen layers once a row");
  await using opened = new AsyncDisposableStack();
  const task = opened.use(await plan.open(data));
  const train = await task.prepareTraining(data.train, progress.share("prepare"));
  const validation = data.validation && (await task.prepare(data.validation));
  opened.move();
  return { data, task, train, validation };
}
