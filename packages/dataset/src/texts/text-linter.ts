import { checkClasses, checkSpelling, checkValidationLabels, type LabelCounts } from "../check-labels.ts";
import { count } from "../excerpt.ts";
import {
  CLASSIFICATION,
  joined,
  type LintedTask,
  type Linter,
  type LinterOptions,
  RowLinter,
  type RowTotals,
} from "../linter.ts";
import { errorAt, type Finding, WHOLE_FILE, warningAt } from "../reading.ts";
import { tagName } from "./check-tags.ts";
import type {
  MultiLabelRow,
  PairedText,
  RegressionRow,
  RetrievalRow,
  RowOfTask,
  TagRow,
  TextTask,
} from "./text-rows.ts";

/** What is wrong with a data set of a task's rows, row by row and as a whole. */
export function createTextLinter<T extends TextTask>(
  task: T,
  options: LinterOptions<RowOfTask[T]> = {},
): Linter<RowOfTask[T]> {
  return new RowLinter(TASKS[task] as LintedTask<RowOfTask[T]>, options);
}

const text = ({ text, textPair }: PairedText) => joined(text, textPair);
const read = ({ text, textPair }: PairedText): [string, string?][] => [
  textPair === undefined ? [text] : [text, textPair],
];

const TASKS: { readonly [T in TextTask]: LintedTask<RowOfTask[T]> } = {
  classification: CLASSIFICATION,
  multi_label: {
    row: "a text and its labels",
    textOf: text,
    answerOf: ({ labels }) => JSON.stringify([...labels].sort()),
    labelsOf: ({ labels }) => labels,
    comparesNear: true,
    readOf: read,
    totals: () => new LabelTotals(),
  },
  regression: {
    row: "a text and a value",
    textOf: text,
    answerOf: ({ value }) => String(value),
    labelsOf: () => [],
    comparesNear: false,
    readOf: read,
    totals: () => new ValueTotals(),
  },
  tagging: {
    row: "tokens and their tags",
    textOf: ({ text }) => text,
    answerOf: ({ tokens, tags }) => JSON.stringify([tokens, tags]),
    labelsOf: ({ tags }) => [
      ...new Set(tags.flatMap((tag) => (tag.startsWith("B-") ? [tagName(tag) as string] : []))),
    ],
    comparesNear: false,
    readOf: ({ text }) => [[text]],
    totals: () => new SpanTotals(),
  },
  retrieval: {
    row: "a query and a text that answers it",
    textOf: ({ query, positive }) => joined(query, positive),
    answerOf: () => null,
    labelsOf: () => [],
    comparesNear: false,
    readOf: ({ query, positive }) => [[query], [positive]],
    totals: () => new PositiveTotals(),
  },
};

/** Below this many rows a share of them held out says next to nothing. */
const FEW_ROWS = 20;

class LabelTotals implements RowTotals<MultiLabelRow> {
  #rows = 0;

  add(): void {
    this.#rows++;
  }

  findings(labels: LabelCounts, train: LabelCounts | null): Finding[] {
    if (train !== null) return [...checkValidationLabels(train, labels), ...checkSpelling(labels)];
    if (labels.size === 0) {
      const message = `expected labels in some rows, seen none in ${count(this.#rows, "row")}.`;
      return [errorAt(WHOLE_FILE, "no_labels", message, "Give the rows that have labels theirs.")];
    }
    const always = [...labels].filter(([, { rows }]) => rows === this.#rows).length;
    const findings = labels.size > 1 ? checkClasses(labels) : [];
    if (always > 0) {
      const message = `${count(always, "label is", "labels are")} in every row, so nothing tells where not.`;
      const hint = "Add rows without, or leave the label out.";
      const isOnly = always === labels.size;
      findings.push((isOnly ? errorAt : warningAt)(WHOLE_FILE, "label_in_every_row", message, hint));
    }
    return [...findings, ...checkSpelling(labels)];
  }
}

/** Further from the mean than so many deviations a value is a slip, or decides the whole fit. */
const OUTLIER_DEVIATIONS = 10;

class ValueTotals implements RowTotals<RegressionRow> {
  #rows = 0;
  #mean = 0;
  #squares = 0;
  #lowest: { value: number; line: number } = { value: Infinity, line: 0 };
  #highest: { value: number; line: number } = { value: -Infinity, line: 0 };

  /** Welford's sums: no value is kept. */
  add({ value, line }: RegressionRow): void {
    this.#rows++;
    const step = value - this.#mean;
    this.#mean += step / this.#rows;
    this.#squares += step * (value - this.#mean);
    if (value < this.#lowest.value) this.#lowest = { value, line };
    if (value > this.#highest.value) this.#highest = { value, line };
  }

  findings(_labels: LabelCounts, train: LabelCounts | null): Finding[] {
    const findings: Finding[] = [];
    if (train === null && this.#lowest.value === this.#highest.value) {
      const message = `expected different values, seen only ${this.#lowest.value} in ${count(this.#rows, "row")}.`;
      return [errorAt(WHOLE_FILE, "one_value", message, "Add rows with other values.")];
    }
    if (train === null) findings.push(...fewRows(this.#rows));
    const deviation = Math.sqrt(this.#squares / this.#rows);
    for (const { value, line } of [this.#lowest, this.#highest]) {
      const far = Math.abs(value - this.#mean) / deviation;
      if (!(far > OUTLIER_DEVIATIONS)) continue;
      const message = `the value ${value} lies ${Math.round(far)} standard deviations from the mean, ${this.#mean.toPrecision(3)}.`;
      const hint = "Mend it if it is a slip; else the fit bends towards it.";
      findings.push(warningAt({ line, column: 0 }, "value_outlier", message, hint));
    }
    return findings;
  }
}

class SpanTotals implements RowTotals<TagRow> {
  #rows = 0;

  add(): void {
    this.#rows++;
  }

  /** A name is a class here, and one is enough: a span is told from what is none. */
  findings(names: LabelCounts, train: LabelCounts | null): Finding[] {
    if (train !== null) return [...checkValidationLabels(train, names), ...checkSpelling(names)];
    if (names.size === 0) {
      const message = `expected spans in some rows, seen only "O" in ${count(this.#rows, "row")}.`;
      return [errorAt(WHOLE_FILE, "no_spans", message, "Give the tokens of each span B-name and I-name.")];
    }
    return [...(names.size > 1 ? checkClasses(names) : []), ...fewRows(this.#rows), ...checkSpelling(names)];
  }
}

class PositiveTotals implements RowTotals<RetrievalRow> {
  #rows = 0;
  #first: string | null = null;
  #differ = false;

  add({ positive }: RetrievalRow): void {
    this.#rows++;
    this.#first ??= positive;
    this.#differ ||= positive !== this.#first;
  }

  findings(_labels: LabelCounts, train: LabelCounts | null): Finding[] {
    if (train !== null) return [];
    if (this.#differ) return fewRows(this.#rows);
    const message = `expected different positives, seen one and the same in ${count(this.#rows, "row")}.`;
    return [errorAt(WHOLE_FILE, "one_positive", message, "Add rows whose query another text answers.")];
  }
}

function fewRows(rows: number): Finding[] {
  if (rows >= FEW_ROWS) return [];
  const message = `${count(rows, "row is", "rows are")} few: what is held out of them measures next to nothing.`;
  return [warningAt(WHOLE_FILE, "few_rows", message, `Give at least ${FEW_ROWS}; some hundreds are better.`)];
}
