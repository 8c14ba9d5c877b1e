import { createHash } from "node:crypto";
import type { LintReport } from "@kilotune/contract";
import { drawShots, type Linter, labelsOf, type RowOfTask, type TokenCount } from "@kilotune/dataset";
import type { DataSource, JobEvent, TextJob } from "../job.ts";
import type { JobData } from "../task.ts";
import { readTextRows, textsOf } from "../texts/read-texts.ts";
import type { ReadTexts } from "./prepare.ts";

export interface LabelledTexts extends ReadTexts {
  /** Class of each text, -1 for a label that the training rows don't have. */
  readonly labels: Int32Array;
}

/** First state of a job: bytes -> rows. Any error of the linter ends the job, with every bad line in the report. */
export async function readData(
  job: TextJob,
  emit: (event: JobEvent) => void,
): Promise<JobData<LabelledTexts>> {
  const tokenCount = (text: string) => job.backbone.tokenizer.encode(text);
  const train = await readRows(job.train, tokenCount, emit, "learning");
  const rows = job.shots === undefined ? train.rows : drawShots(train.rows, job.shots, job.seed);
  const labels = labelsOf(rows);
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const { pairs } = train;
  const number = (name: string, rows: readonly ClassRow[]) => numbered(name, rows, classOf, pairs);
  const read = async (source: DataSource | undefined) =>
    source &&
    number(
      source.name,
      (await readRows(source, tokenCount, emit, "answering", { against: train.linter, pairs })).rows,
    );
  const validation = await read(job.validation);
  const test = await read(job.test);
  const otherTests = [];
  for (const source of job.otherTests ?? []) otherTests.push((await read(source)) as LabelledTexts);
  const known = number(job.train.name, rows);
  return { labels, train: known, validation, test, otherTests, sha256: hashOf(labels, [known, validation]) };
}

/** Reads one labelled file to the end. Throws `invalid_training_file` where the linter found errors. */
export async function readRows(
  source: DataSource,
  tokenCount: TokenCount,
  emit: (event: JobEvent) => void,
  purpose: "learning" | "answering",
  options: { readonly against?: Linter<ClassRow>; readonly pairs?: boolean } = {},
): Promise<{
  rows: ClassRow[];
  linter: Linter<ClassRow>;
  report: LintReport;
  pairs: boolean;
}> {
  return readTextRows<"classification">(
    source,
    { task: "classification", tokenCount, ...options },
    emit,
    // Rows that are only answered may be all of one class; what is learnt from may not.
    ({ code }) => purpose === "answering" && code === "one_class",
  );
}

type ClassRow = RowOfTask["classification"];

function numbered(
  name: string,
  rows: readonly ClassRow[],
  classOf: ReadonlyMap<string, number>,
  pairs: boolean,
): LabelledTexts {
  return {
    ...textsOf(name, rows, pairs),
    labels: Int32Array.from(rows, (row) => classOf.get(row.label) ?? -1),
  };
}

function hashOf(labels: readonly string[], files: readonly (LabelledTexts | undefined)[]): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(labels));
  for (const file of files) {
    const pairs = file?.pairs === undefined ? [] : [file.pairs];
    hash.update(JSON.stringify(file === undefined ? null : [file.texts, [...file.labels], ...pairs]));
  }
  return hash.digest("hex");
}
