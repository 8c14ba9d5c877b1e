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
import { once } from "../once.ts";
import type { JobData } from "../task.ts";
import { readTextRows, shownRow, textsOf } from "../texts/read-texts.ts";
import { faultsOfOutsideLabel } from "./outside-label.ts";
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
  const [fault] = faultsOfOutsideLabel(outsideLabel, train.report.labels);
  if (fault) {
    const { code, message, hint } = fault;
    throw new KilotuneError(code, `${job.train.name}: ${message}`, hint, { kind: "usage" });
  }
  const inScope = train.rows.filter(({ label }) => label !== outsideLabel);
  const rows = job.shots === undefined ? inScope : drawShots(inScope, job.shots, job.seed);
  const labels = labelsOf(rows);
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const { pairs } = train;
  const number = (name: string, own: readonly ClassRow[], away: readonly ClassRow[]): LabelledTexts => ({
    ...numbered(name, own, classOf, pairs),
    ...(away.length > 0 && { outside: textsOf(name, away, pairs) }),
  });
  const read = async (source: DataSource | undefined, isOutside: (label: string) => boolean) => {
    if (source === undefined) return undefined;
    const options = { against: train.linter, pairs };
    const { rows } = await readRows(source, tokenCount, emit, "answering", options);
    const away = rows.filter(({ label }) => isOutside(label));
    return number(
      source.name,
      rows.filter(({ label }) => !isOutside(label)),
      away,
    );
  };
  const validation = await read(job.validation, (label) => label === outsideLabel);
  const isOutside = outsideOf(labels, job.outOfScope !== undefined);
  const test = await read(job.test, isOutside);
  const otherTests = [];
  for (const source of job.otherTests ?? [])
    otherTests.push((await read(source, isOutside)) as LabelledTexts);
  const away = train.rows.filter(({ label }) => label === outsideLabel);
  const known = number(job.train.name, rows, away);
  return {
    labels,
    train: known,
    validation,
    test,
    otherTests,
    sha256: hashOf(labels, [known, validation]),
    together: once(() => similarTexts(rows.map(shownRow))),
  };
}

/**
 * Which labels of a test file are of none of the prompt's: where it says what is none of its labels', any that it doesn't
 * know. Where it doesn't, there are none, and such rows count as wrong: whatever is answered is a label they don't have.
 */
export function outsideOf(labels: readonly string[], hasScope: boolean): (label: string) => boolean {
  const known = new Set(labels);
  return (label) => hasScope && !known.has(label);
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
    const outside = file?.outside === undefined ? [] : [file.outside];
    hash.update(
      JSON.stringify(file === undefined ? null : [file.texts, [...file.labels], ...pairs, ...outside]),
    );
  }
  return hash.digest("hex");
}
