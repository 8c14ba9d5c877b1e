import type { Example } from "../reading.ts";

/** What is learnt from rows of text. The names are those of a prompt's manifest. */
export type TextTask = keyof RowOfTask;

/** What a row of each task holds, as written in the file. `line` is 1-based. */
export interface RowOfTask {
  readonly classification: PairedText & Example;
  readonly multi_label: MultiLabelRow;
  readonly regression: RegressionRow;
  readonly tagging: TagRow;
  readonly retrieval: RetrievalRow;
}

export type TextRow = RowOfTask[TextTask];

/** Rows about two texts have a second one: a question and its answer, two sentences to compare. */
export interface PairedText {
  readonly text: string;
  readonly textPair?: string;
  readonly line: number;
}

export interface MultiLabelRow extends PairedText {
  /** Each once; none where none fits. */
  readonly labels: readonly string[];
}

export interface RegressionRow extends PairedText {
  /** Finite. */
  readonly value: number;
}

export interface TagRow {
  /** The row's own text, or its tokens with blanks between. */
  readonly text: string;
  /** Where each token lies in the text: UTF-16 units, the end one past the last. */
  readonly tokens: readonly Span[];
  /** BIO: `O`, `B-name`, `I-name`. One a token. */
  readonly tags: readonly string[];
  readonly line: number;
}

export type Span = readonly [start: number, end: number];

export interface RetrievalRow {
  readonly query: string;
  /** A text that answers the query. */
  readonly positive: string;
  readonly line: number;
}
