import type { LintReport } from "@kilotune/contract";
import { checkClasses, checkSpelling, checkValidationLabels, type LabelCounts } from "./check-labels.ts";
import { count, excerpt } from "./excerpt.ts";
import { hash64 } from "./hash64.ts";
import { LinePairs } from "./line-pairs.ts";
import { LintFrame } from "./lint-frame.ts";
import { NearTexts, signatureOf } from "./near-texts.ts";
import { type Example, errorAt, type Finding, type Reading, WHOLE_FILE, warningAt } from "./reading.ts";
import { type Sighting, TextIndex } from "./text-index.ts";
import { type TokenCount, TokenTotals } from "./token-totals.ts";

export interface LinterOptions<R = Example> {
  /** The backbone's own tokenizer; without it nothing is said of truncation and unknown tokens. */
  readonly tokenCount?: TokenCount;
  /** The linter of the training file, all its rows added: makes this one a validation file's. */
  readonly against?: Linter<R>;
  /** The most errors, and warnings, that a report lists: of rows, and of the whole file again as many. 1,000. */
  readonly maxIssues?: number;
}

/** What is wrong with a data set, row by row and as a whole. No I/O: the command line, the API and the browser share it. */
export interface Linter<R = Example> {
  add(reading: Reading<R>): void;
  /** All that was added so far; may be called again. Issues of the whole file come first. */
  report(): LintReport;
}

/** What the linter must know of a task's rows. */
export interface LintedTask<R> {
  /** A row as messages call it: "a text and a label". */
  readonly row: string;
  /** What of a row is the same in a row that repeats it. */
  textOf(row: R): string;
  /** The answer that repeated rows should share; null where several are right. */
  answerOf(row: R): string | null;
  labelsOf(row: R): readonly string[];
  /** Whether texts that say nearly the same should have the same answer. */
  readonly comparesNear: boolean;
  /** Texts that the backbone reads, each with its second one. */
  readOf(row: R): readonly (readonly [text: string, pair?: string])[];
  /** What can't be told before the whole file was seen; one for each report's file. */
  totals(): RowTotals<R>;
}

export interface RowTotals<R> {
  add(row: R): void;
  /** @param train counts of the training file's labels, where this is a validation file */
  findings(labels: LabelCounts, train: LabelCounts | null): Finding[];
}

export function createLinter(options: LinterOptions = {}): Linter {
  return new RowLinter(CLASSIFICATION, options);
}

export const CLASSIFICATION: LintedTask<Example & { readonly textPair?: string }> = {
  row: "a text and a label",
  textOf: ({ text, textPair }) => joined(text, textPair),
  answerOf: ({ label }) => label,
  labelsOf: ({ label }) => [label],
  comparesNear: true,
  readOf: ({ text, textPair }) => [textPair === undefined ? [text] : [text, textPair]],
  totals: () => ({
    add() {},
    findings: (labels, train) => [
      ...(train === null ? checkClasses(labels) : checkValidationLabels(train, labels)),
      ...checkSpelling(labels),
    ],
  }),
};

/** Both texts as one key. */
export function joined(text: string, textPair: string | undefined): string {
  return textPair === undefined ? text : `${text}\u0000${textPair}`;
}

export class RowLinter<R extends { readonly line: number }> implements Linter<R> {
  readonly #task: LintedTask<R>;
  readonly #train: RowLinter<R> | null;
  readonly #frame: LintFrame;
  readonly #tokens: TokenTotals | null;
  readonly #totals: RowTotals<R>;
  readonly #texts = new TextIndex();
  readonly #duplicates = new LinePairs();
  readonly #leaks = new LinePairs();
  readonly #near = new NearTexts();
  readonly #nearPairs = new LinePairs();
  readonly #nearConflicts = new LinePairs();
  readonly #nearLeaks = new LinePairs();

  constructor(task: LintedTask<R>, { tokenCount, against, maxIssues }: LinterOptions<R>) {
    this.#task = task;
    this.#train = (against as RowLinter<R> | undefined) ?? null;
    this.#tokens = tokenCount === undefined ? null : new TokenTotals(tokenCount);
    this.#totals = task.totals();
    this.#frame = new LintFrame(maxIssues);
  }

  add(reading: Reading<R>): void {
    if (reading.kind === "row") this.#addRow(reading.row);
    else this.#frame.add(reading);
  }

  report(): LintReport {
    return this.#frame.report(this.#wholeFile());
  }

  #addRow(row: R): void {
    const { line } = row;
    const labels = this.#task.labelsOf(row);
    const ids = labels.map((label) => this.#frame.countLabel(label, line));
    if (ids.includes(null)) return;
    this.#frame.rows++;
    this.#totals.add(row);
    for (const [text, pair] of this.#task.readOf(row)) this.#tokens?.add(line, text, pair);
    this.#compare(row, labels.length === 1 ? (ids[0] as number) : undefined);
  }

  /** With the rows before it, and with the training file's. @param only number of its only label */
  #compare(row: R, only: number | undefined): void {
    const { line } = row;
    const text = this.#task.textOf(row);
    const trained = this.#train === null ? null : this.#train.#texts.find(text);
    if (trained !== null) this.#leaks.add(trained.line, line);
    const answer = this.#task.answerOf(row);
    const label = answer === null ? 0 : (only ?? hash64(answer).low);
    const verdict = this.#texts.add(text, { line, label });
    if (verdict.kind === "new" && this.#task.comparesNear)
      this.#addNear(text, { line, label }, trained !== null);
    if (verdict.kind === "duplicate") this.#duplicates.add(verdict.first.line, line);
    if (verdict.kind !== "conflict") return;
    const { first } = verdict;
    const names = [first.label, label].map((id) => this.#frame.nameOf(id));
    const told = names.every((name) => name !== "")
      ? `with the labels ${names.map(excerpt).join(" and ")}`
      : "with different answers";
    this.#frame.add(
      warningAt(
        { line, column: 0 },
        "conflicting_labels",
        `lines ${first.line} and ${line} hold the same text ${told}.`,
        "Keep the right one, or let one label cover both.",
      ),
    );
  }

  #addNear(text: string, here: Sighting, isLeak: boolean): void {
    const signature = signatureOf(text);
    if (signature === null) return;
    const earlier = this.#near.find(signature);
    if (earlier !== null) {
      const pairs = earlier.label === here.label ? this.#nearPairs : this.#nearConflicts;
      pairs.add(earlier.line, here.line);
    }
    const trained = this.#train === null || isLeak ? null : this.#train.#near.find(signature);
    if (trained !== null) this.#nearLeaks.add(trained.line, here.line);
    this.#near.add(signature, here);
  }

  #wholeFile(): Finding[] {
    const findings: Finding[] = [];
    if (this.#frame.rows === 0 && this.#frame.errors === 0) {
      const hint = `Add rows of ${this.#task.row}.`;
      findings.push(errorAt(WHOLE_FILE, "no_rows", "expected at least one row, seen none.", hint));
    }
    findings.push(
      ...this.#frame.tooManyLabels("Are text and label swapped?"),
      ...(this.#frame.rows === 0
        ? []
        : this.#totals.findings(this.#frame.labels, this.#train === null ? null : this.#train.#frame.labels)),
      ...this.#repeats(),
      ...(this.#tokens?.findings() ?? []),
    );
    return findings;
  }

  #repeats(): Finding[] {
    const told: [pairs: LinePairs, code: string, one: string, many: string, earlier: string, hint: string][] =
      [
        [
          this.#duplicates,
          "duplicate_rows",
          "row repeats the text and label of an earlier one",
          "rows repeat the text and label of an earlier one",
          "first at line",
          "Delete the copies: they count twice in tuning and in every figure.",
        ],
        [
          this.#leaks,
          "leak",
          "validation row has the text of a training row, so the accuracy looks better than it is",
          "validation rows have the text of a training row, so the accuracy looks better than it is",
          "training line",
          "Remove those rows from one of the files.",
        ],
        [
          this.#nearConflicts,
          "near_conflicting_labels",
          "row says nearly what an earlier row of another label says",
          "rows say nearly what an earlier row of another label says",
          "near line",
          "Look at those pairs first: often one of the labels is wrong.",
        ],
        [
          this.#nearLeaks,
          "near_leak",
          "validation row says nearly what a training row says",
          "validation rows say nearly what a training row says",
          "training line",
          "Where they are variants of one message, keep all of them in one of the files.",
        ],
        [
          this.#nearPairs,
          "near_duplicate_rows",
          "row says nearly what an earlier row of its label says",
          "rows say nearly what an earlier row of their label says",
          "near line",
          "Copies with a word changed teach little; other words for the same thing teach more.",
        ],
      ];
    return told
      .filter(([pairs]) => pairs.total > 0)
      .map(([pairs, code, one, many, earlier, hint]) =>
        warningAt(pairs.place, code, `${count(pairs.total, one, many)}: ${pairs.listed(earlier)}.`, hint),
      );
  }
}
