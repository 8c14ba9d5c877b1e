import { isCodedError, KilotuneError, type LintIssue, type LintReport } from "@kilotune/contract";
import {
  guessFormat,
  guessRows,
  type ImageLinter,
  type Linter,
  lintTextRows,
  type RowOfTask,
  type TextTask,
  type VisionTask,
} from "@kilotune/dataset";
import { addJobEvent, type Job, lintImageFile, openFile, queueJob } from "@kilotune/service";
import { faultsOfOutsideLabel } from "../classes/outside-label.ts";
import type { Execution, StateContext } from "./context.ts";
import { jobThatIs, state, stillWanted } from "./state.ts";

export interface Validated {
  /** Its id: another state's place may depend on it. */
  readonly backbone: string;
  /** Of a sweep: its candidates, by number. */
  readonly trials: readonly string[];
}

/** First state: the files are read and linted once more, since what is learnt from is what lies there now. */
export const validate = state(async (context, execution) => {
  const { service } = context;
  const { tenant, job: id } = execution;
  const job = await jobThatIs(context, execution, ["validating_files", "queued", "running"]);
  const validated: Validated = {
    backbone: job.model,
    trials: (job.sweep ?? []).map((_, trial) => `${trial}`),
  };
  if (job.status !== "validating_files") return validated;
  const lint = linterOf(context, execution, job);
  const train = await lint(job.trainingFile, "training_file");
  if (job.validationFile !== null) await lint(job.validationFile, "validation_file", train);
  stillWanted(await queueJob(service, tenant, id), ["queued", "running"]);
  return validated;
});

/** Lints a file for the job's task; the validation file against the training file's linter. */
function linterOf({ service }: StateContext, { tenant, job: id }: Execution, job: Job) {
  const { looks } = service;
  const ofImages = service.backbones.get(job.model)?.input === "image";
  return async (
    fileId: string,
    param: "training_file" | "validation_file",
    against?: AnyLinter,
  ): Promise<AnyLinter> => {
    const { file, chunks } = await openFile(service, tenant, fileId);
    const name = file.filename;
    const read = ofImages
      ? lintImageFile(name, chunks, { task: visionTask(job), looks, against: against as ImageLinter })
      : lintTexts(name, chunks, textTask(job), against);
    const { report, linter } = await read.catch((error: unknown) => {
      // A zip that can't be read: the file is to blame, as a whole.
      if (!isCodedError(error) || !error.code.startsWith("zip_")) throw error;
      const { code, message, hint } = error;
      throw invalidFile(name, [{ line: 0, column: 0, code, message, hint }], param);
    });
    // Rows that are only answered may be all of one class.
    const errors = report.errors.filter(({ code }) => against === undefined || code !== "one_class");
    if (against === undefined) errors.push(...faultsOfOutsideLabel(job.outOfScope?.label, report.labels));
    if (errors.length > 0) throw invalidFile(name, errors, param);
    await addJobEvent(service, tenant, id, told(name, report));
    return linter;
  };
}

type AnyLinter = ImageLinter | TextLinter;
type TextLinter = Linter<RowOfTask[TextTask]>;

/** Whether rows have a second text, the first one says. */
async function lintTexts(
  name: string,
  given: AsyncIterable<Uint8Array>,
  task: TextTask,
  against: AnyLinter | undefined,
): Promise<{ readonly report: LintReport; readonly linter: TextLinter }> {
  const format = guessFormat(name);
  const { rows, chunks } = await guessRows(given, format);
  const pairs = rows.about === "texts" && rows.pairs;
  return lintTextRows(chunks, { format, task, pairs, ...(against && { against: against as TextLinter }) });
}

function textTask({ task }: Job): TextTask {
  return task === "segmentation" || task === "detection" ? "classification" : task;
}

function visionTask({ task }: Job): VisionTask {
  return task === "segmentation" ? "segment" : task === "detection" ? "detect" : "classify";
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
