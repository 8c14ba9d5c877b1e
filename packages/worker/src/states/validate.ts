import { KilotuneError, type LintIssue, type LintReport } from "@kilotune/contract";
import { guessFormat, type Linter, lintFile } from "@kilotune/dataset";
import { addJobEvent, openFile, queueJob } from "@kilotune/service";
import type { Execution, StateContext } from "./context.ts";
import { jobThatIs, state, stillWanted } from "./state.ts";

/** First state: the files are read and linted once more, since what is learnt from is what lies there now. */
export const validate = state(async (context, execution) => {
  const { service } = context;
  const { tenant, job: id } = execution;
  const job = await jobThatIs(context, execution, ["validating_files", "queued", "running"]);
  if (job.status !== "validating_files") return;
  const train = await lint(context, execution, job.trainingFile, "training_file");
  if (job.validationFile !== null)
    await lint(context, execution, job.validationFile, "validation_file", train);
  stillWanted(await queueJob(service, tenant, id), ["queued", "running"]);
});

async function lint(
  { service }: StateContext,
  { tenant, job }: Execution,
  fileId: string,
  param: "training_file" | "validation_file",
  against?: Linter,
): Promise<Linter> {
  const { file, chunks } = await openFile(service, tenant, fileId);
  const format = guessFormat(file.filename);
  const { report, linter } = await lintFile(chunks, { format, ...(against && { against }) });
  // Rows that are only answered may be all of one class.
  const errors = report.errors.filter(({ code }) => against === undefined || code !== "one_class");
  if (errors.length > 0) throw invalidFile(file.filename, errors, param);
  await addJobEvent(service, tenant, job, told(file.filename, report));
  return linter;
}

function told(filename: string, { rows, labels, warnings }: LintReport) {
  const [first] = warnings;
  const counts = `${filename}: ${rows} rows, ${labels.size} labels`;
  if (first === undefined) return { level: "info", message: `${counts}.` } as const;
  const more = `${warnings.length} ${warnings.length === 1 ? "warning" : "warnings"}`;
  return { level: "warn", message: `${counts}, ${more}; the first: ${placed(first)}` } as const;
}

function invalidFile(filename: string, errors: readonly LintIssue[], param: string): KilotuneError {
  const [first] = errors as [LintIssue];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return new KilotuneError("invalid_training_file", `${filename}: ${placed(first)}${more}`, first.hint, {
    param,
  });
}

function placed({ line, message }: LintIssue): string {
  return line > 0 ? `line ${line}: ${message}` : message;
}
