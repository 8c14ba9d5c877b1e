import { createHash } from "node:crypto";
import type { LintIssue } from "@kilotune/contract";
import { guessRows, loadTextRows, type RowOfTask, type TextTask } from "@kilotune/dataset";
import { invalidFile } from "../invalid-file.ts";
import type { DataSource, JobEvent, TextJob } from "../job.ts";
import { type ReadTexts, shownPair } from "../classes/prepare.ts";
import type { Files } from "../task.ts";

/** A file's rows, as read. */
export interface RowsOfFile<Row> {
  readonly name: string;
  readonly rows: readonly Row[];
}

/** All files of a job. */
export interface TextFiles<Row> extends Files<RowsOfFile<Row>> {
  /** Whether each row has a second text: the training file's first row says so. */
  readonly pairs: boolean;
}

/** Reads a job's files to the end. Throws `invalid_training_file` where the linter found errors. */
export async function readTextFiles<T extends TextTask>(
  job: Pick<TextJob, "backbone" | "train" | "validation" | "test" | "otherTests">,
  task: T,
  emit: (event: JobEvent) => void,
): Promise<TextFiles<RowOfTask[T]>> {
  const { tokenizer } = job.backbone;
  const tokenCount = (text: string) => tokenizer.encode(text);
  const train = await readTextRows(job.train, { task, tokenCount }, emit);
  const { pairs, linter } = train;
  const read = async (source: DataSource | undefined) =>
    source && {
      name: source.name,
      rows: (await readTextRows(source, { task, tokenCount, pairs, against: linter }, emit)).rows,
    };
  const validation = await read(job.validation);
  const test = await read(job.test);
  const otherTests = [];
  for (const source of job.otherTests ?? [])
    otherTests.push((await read(source)) as RowsOfFile<RowOfTask[T]>);
  return { train: { name: job.train.name, rows: train.rows }, validation, test, otherTests, pairs };
}

/**
 * One file. @param options.pairs told by its first row where left out
 * @param spared errors of the linter that this file may have
 */
export async function readTextRows<T extends TextTask>(
  { name, format, open }: DataSource,
  options: Omit<Parameters<typeof loadTextRows<T>>[1], "format">,
  emit: (event: JobEvent) => void,
  spared: (error: LintIssue) => boolean = () => false,
) {
  const guessed = await guessRows(open(), format);
  const hasPairs = guessed.rows.about === "texts" && guessed.rows.pairs;
  const { pairs = hasPairs } = options;
  const read = await loadTextRows<T>(guessed.chunks, { ...options, format, pairs });
  const errors = read.report.errors.filter((error) => !spared(error));
  const report = { ...read.report, errors };
  emit({ kind: "lint", file: name, report });
  if (errors.length > 0) throw invalidFile(name, errors);
  return { ...read, report, pairs };
}

/** Texts of rows, second ones where they have them. */
export function textsOf(
  name: string,
  rows: readonly { readonly text: string; readonly textPair?: string }[],
  pairs: boolean,
): ReadTexts {
  return {
    name,
    count: rows.length,
    texts: rows.map(({ text }) => text),
    ...(pairs && { pairs: rows.map(({ textPair = "" }) => textPair) }),
  };
}

/** A row as people see it. */
export function shownRow({ text, textPair }: { readonly text: string; readonly textPair?: string }): string {
  return textPair === undefined ? text : shownPair(text, textPair);
}

/** Of what is learnt from: the training and validation rows, as used. @param what of a row, its line left out */
export function hashOfRows(facts: readonly unknown[]): string {
  const hash = createHash("sha256");
  for (const fact of facts) hash.update(JSON.stringify(fact ?? null));
  return hash.digest("hex");
}
