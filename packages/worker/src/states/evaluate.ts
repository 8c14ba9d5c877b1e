import { writeFile } from "node:fs/promises";
import path from "node:path";
import { isClassification, KilotuneError } from "@kilotune/contract";
import { type Job, reportProgress } from "@kilotune/service";
import type { AnswerTaskResult } from "../process/tasks.ts";
import type { Execution, StateContext } from "./context.ts";
import { scratchFolder } from "./job-blobs.ts";
import { type JobOutput, parseReport, readResult } from "./job-result.ts";
import { jobThatIs, state } from "./state.ts";
import { fetched, inputOf } from "./task-of.ts";
import { watched } from "./watched.ts";

/**
 * The prompt as written is answered through the graph that serves. Where that isn't what the report's
 * figures were measured on, nothing is published.
 */
export const evaluate = state(async (context, execution) => {
  const job = await jobThatIs(context, execution, ["running"]);
  const output = await readResult(context.service, execution);
  if (output === undefined) throw new Error("there is nothing to evaluate: Tune comes before");
  await using scratch = await scratchFolder(context.scratch);
  const prompt = path.join(scratch.path, "prompt.safetensors");
  await writeFile(prompt, output.prompt);
  const rows = await fetched(
    context,
    execution,
    job.validationFile ?? job.trainingFile,
    path.join(scratch.path, "rows"),
  );
  const { model: backbone, task } = job;
  const input = inputOf(context, backbone);
  const asked = { kind: "answer", backbone, input, task, prompt, rows, maxRows: MAX_ROWS } as const;
  const answers = await watched(context, execution, scratch.path, (hooks) =>
    context.compute.answer(asked, hooks),
  );
  if (answers.disagreeing > 0 || !isAsClaimed(answers, job, output)) throw mismatch(answers);
  await tell(context, execution, job, rows.name, answers);
});

/**
 * With a validation file the report's figures are of its rows. They were taken before the prompt's numbers were rounded
 * to what its file holds, which may turn a row or two.
 */
function isAsClaimed({ rows, right }: AnswerTaskResult, { validationFile }: Job, output: JobOutput): boolean {
  const report = parseReport(output);
  if (right === null || !isClassification(report)) return true;
  const { evaluation } = report;
  if (validationFile === null || evaluation.rows !== rows) return true;
  return Math.abs(right - evaluation.accuracy * rows) <= Math.max(2, 0.05 * rows);
}

async function tell(
  { service }: StateContext,
  { tenant, job }: Execution,
  { validationFile }: Job,
  file: string,
  { rows, right }: AnswerTaskResult,
): Promise<void> {
  if (right === null) {
    const message = `As served, the prompt answers ${rows} rows of ${file} as it did when it was measured.`;
    await reportProgress(service, tenant, job, { message, metrics: { served_rows: rows } });
    return;
  }
  const what = validationFile === null ? "which it has learnt from" : "which it has not learnt from";
  await reportProgress(service, tenant, job, {
    message: `As served, the prompt answers ${right} of ${rows} rows of ${file} right, ${what}.`,
    metrics: { served_rows: rows, served_accuracy: right / rows },
  });
}

function mismatch({ rows, right, disagreeing }: AnswerTaskResult): KilotuneError {
  return new KilotuneError(
    "serving_mismatch",
    `Served, the prompt answers otherwise than when it was measured: ${disagreeing} of ${rows} rows differ${right === null ? "" : `, ${right} are right`}.`,
    "That is a fault of this machine or of Kilotune: nothing was published.",
    { kind: "machine" },
  );
}

/** Enough to see a graph that computes something else; seconds on one core. */
const MAX_ROWS = 200;
