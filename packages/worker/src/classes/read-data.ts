import { createHash } from "node:crypto";
import { KilotuneError, type LintReport } from "@kilotune/contract";
import {
  drawShots,
  type Linter,
  labelsOf,
  type RowOfTask,
  similarTexts,
  type TokenCount,
} from "@kilotune/dataset";
import type { DataSource, JobEvent, TextJob } from "../job.ts";
import type { JobData } from "../task.ts";
import { readTextRows, shownRow, textsOf } from "../texts/read-texts.ts";
import type { ReadTexts } from "./prepare.ts";

export interface LabelledTexts extends ReadTexts {
  /** Rows of no class, set aside. */
  readonly outside?: ReadTexts;
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
  const outsideLabel = job.outOfScope?.label;
  const inScope = train.rows.filter(({ label }) => label !== outsideLabel);
  if (outsideLabel !== undefined && inScope.length === train.rows.length)
    throw noneOutside(outsideLabel, job.train.name);
  const rows = job.shots === undefined ? inScope : drawShots(inScope, job.shots, job.seed);
  const labels = labelsOf(rows);
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const { pairs } = train;
  const number = (name: string, rows: readonly ClassRow[], outside = rows): LabelledTexts => {
    const away = outside.filter(({ label }) => label === outsideLabel);
    const own = rows.filter(({ label }) => label !== outsideLabel);
    return {
      ...numbered(name, own, classOf, pairs),
      ...(away.length > 0 && { outside: textsOf(name, away, pairs) }),
    };
  };
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
  const known = number(job.train.name, rows, train.rows);
  return {
    labels,
    train: known,
    validation,
    test,
    otherTests,
    sha256: hashOf(labels, [known, validation]),
    together: () => similarTexts(rows.map(shownRow)),
  };
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

function noneOutside(label: string, file: string): KilotuneError {
  return new KilotuneError(
    "no_outside_rows",
    `${file}: expected rows of the label ${JSON.stringify(label)}, which are none of the others', saw none`,
    "Name the label as the rows do, or leave it out: then held-out rows alone choose the threshold.",
    { kind: "usage" },
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
    const outside = file?.outside === undefined ? [] : [file.outside];
    hash.update(
      JSON.stringify(file === undefined ? null : [file.texts, [...file.labels], ...pairs, ...outside]),
    );
  }
  return hash.digest("hex");
}
