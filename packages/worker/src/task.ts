import type { AttentionMaps, ReportFindings, Score, Verdict } from "@kilotune/contract";
import type { Prompt, Receipt } from "@kilotune/prompt";
import type { Candidate, Learnt, LoopSettings, RunOptions, RunResult } from "@kilotune/tuner";
import type { Holding } from "./held-out.ts";
import type { JobEvent } from "./job.ts";

/**
 * What differs from task to task; `runTuneJob` is what doesn't: it reads, prepares, fits the baselines, tunes on a part and
 * measures on the rest, decides, publishes, measures and reports.
 *
 * File: a file's rows as read. Rows: as prepared for tuning. Fitted: all baselines. Outcome: what is said of one row, beside
 * what is true of it.
 */
export interface TaskPlan<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome> {
  /** All files of the job. Any error of the linter ends it: throws `invalid_training_file`. */
  read(emit: (event: JobEvent) => void): Promise<JobData<File>>;
  /** Opens what the task runs on. */
  open(data: JobData<File>): Promise<Task<File, Rows, Fitted, Outcome>>;
}

export interface RowsOf {
  /** The file's, for people. */
  readonly name: string;
  readonly count: number;
}

/** All files of a job. */
export interface Files<File> {
  readonly train: File;
  readonly validation: File | undefined;
  readonly test: File | undefined;
  readonly otherTests: readonly File[];
}

export interface JobData<File> extends Files<File> {
  /** Sorted, so that the order of the rows changes nothing. */
  readonly labels: readonly string[];
  /** Of the training and validation rows, as used. */
  readonly sha256: string;
  /** A number for each training row, the same of rows that must not be parted: nearly equal ones, those of one patient. */
  together(): Int32Array;
}

export interface Task<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>
  extends AsyncDisposable,
    Shown {
  /** undefined where only a head is asked for. */
  readonly settings: LoopSettings | undefined;

  /** The frozen layers, once a row. Called first, and once. */
  prepareTraining(file: File, onProgress: (share: number) => void): Promise<Rows>;
  prepare(file: File, onProgress?: (share: number) => void): Promise<Rows>;
  /** How rows are held out, by seed or in folds. */
  readonly holding: Holding<Rows>;

  /** All baselines. @param like those of all rows, whose choices are taken over */
  fit(rows: Rows, like?: Fitted): Promise<Fitted>;
  /** By name, of all of them. */
  answerBaselines(fitted: Fitted, rows: Rows): Promise<Readonly<Record<string, readonly Outcome[]>>>;

  /** How many rows a run on these learns from: there may be some that the task adds. */
  learntRows(train: Rows): number;
  /** What a run on these depends on, as JSON. */
  runFacts(train: Rows, validation: Rows | undefined): readonly unknown[];
  learn(run: Run<Rows>): Promise<RunResult>;
  answerRun(run: RunResult, rows: Rows): Promise<readonly Outcome[]>;
  /** Full fine-tuning, for a baseline; absent where the task has none. */
  readonly whole?: WholeTuning<Rows, Outcome>;

  score(outcomes: readonly Outcome[]): Score;
  /** Whether what was asked for paid, told by held-out rows that nothing has learnt from. */
  judge(asked: Judged<Outcome>, rivals: readonly Judged<Outcome>[]): Judgement;

  /** Rounded to what its file will hold: what is measured on it is true of the file. */
  publish(published: Published<Fitted, Outcome>): Prompt | Promise<Prompt>;
  answer(prompt: Prompt, rows: Rows): Promise<readonly Outcome[]>;

  /** What the report says of the published prompt's answers. */
  findings(outcomes: readonly Outcome[], prompt: Prompt): Promise<ReportFindings>;
  /** Of images: where they look, on some of this file. */
  attention?(prompt: Prompt, file: File): Promise<AttentionMaps | undefined>;
  /** What the report says of the rest. */
  facts(found: Found<File, Rows, Fitted>): TaskFacts;
  /** How much the backbone read of these rows: tokens, of texts and of images. */
  tokensIn(rows: Rows): number;
}

/** What a report shows of a task. */
export interface Shown {
  readonly backbone: BackboneFacts;
  /** In the order in which they are shown. */
  readonly baselines: readonly Baseline[];
  /**
   * The baselines that a prompt file can hold, without a prompt. The first of them is what the method `head` publishes, and
   * of equals it stands. None of tasks whose prompt has no head: what is tuned is published.
   */
  readonly heads: readonly string[];
}

/** As receipts and reports keep them. */
export type Settings = Readonly<Record<string, string | number>>;

/** What of a backbone's manifest is reported. */
export interface BackboneFacts {
  readonly id: string;
  readonly licence: string;
  /** What it computes in, where there's a choice: its figures are of that. */
  readonly precision?: "fp32" | "int8";
  readonly identity: { readonly weightsSha256: string; readonly preprocessingSha256: string };
  readonly config: { readonly layers: number; readonly hiddenSize: number };
}

export interface Baseline {
  readonly name: string;
  /** What people read, e.g. "linear probe". */
  readonly title: string;
}

/** A run of tuning, besides what the task knows of it. */
export interface Run<Rows>
  extends Pick<RunOptions, "checkpoint" | "onStep" | "onEpoch" | "aborted" | "clock" | "patience" | "until"> {
  /** In place of the task's own: a candidate of a sweep. */
  readonly settings?: Candidate;
  /** May be fewer than the settings say. */
  readonly epochs: number;
  readonly train: Rows;
  /** Measured after every epoch. */
  readonly validation: Rows | undefined;
}

/** All of the backbone's weights learn. */
export interface WholeTuning<Rows, Outcome> {
  readonly settings: LoopSettings;
  learn(run: Run<Rows>): Promise<RunResult>;
  /** @param learntFrom the rows that the run learnt from */
  answer(run: RunResult, learntFrom: Rows, rows: Rows): Promise<readonly Outcome[]>;
  /** How many there are. */
  weights(): Promise<number>;
}

/** A candidate's answers on the held-out rows, the same rows of each in the same order. */
export interface Judged<Outcome> extends Baseline {
  readonly outcomes: readonly Outcome[];
}

export interface Judgement extends Verdict {
  readonly paid: boolean;
}

export interface Published<Fitted, Outcome> {
  /** "tuned", or the name of a head. */
  readonly kind: string;
  /** Its answers on held-out rows, for calibration; none of a prompt from under way. */
  readonly heldOut: readonly Outcome[];
  /** Of all rows. */
  readonly fitted: Fitted | undefined;
  /** What is published of a run, and the epochs that led to it. */
  readonly tuned: (Learnt & { readonly epoch: number }) | undefined;
  readonly receipt: Omit<Receipt, "settings">;
}

export interface Found<File, Rows, Fitted> {
  readonly data: JobData<File>;
  readonly train: Rows;
  readonly fitted: Fitted;
  /** The run of the selection, where there was one on all training rows, or the last one. */
  readonly run: RunResult | undefined;
}

export interface TaskFacts {
  /** Rows of each label, or objects, in the order of the labels. */
  readonly labelRows: readonly number[];
  readonly truncatedRows: number;
  /** Chosen by the job, besides those of the tuning. */
  readonly settings: Settings;
  /** Of baselines that are called otherwise than usual, e.g. "5 nearest neighbours". */
  readonly titles: Readonly<Record<string, string>>;
  /** What a tenant would store, in bytes, by a baseline's name. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Numbers that the asked method learns: the prompt's and the head's. */
  readonly trainableParameters: number;
  readonly notes: { readonly first: readonly string[]; readonly last: readonly string[] };
}
