import type { LintReport } from "@kilotune/contract";
import { checkClasses, checkSpelling, checkValidationLabels } from "./check-labels.ts";
import { count, excerpt } from "./excerpt.ts";
import { LinePairs } from "./line-pairs.ts";
import { LintFrame } from "./lint-frame.ts";
import { type Example, errorAt, type Finding, type Reading, WHOLE_FILE, warningAt } from "./reading.ts";
import { TextIndex } from "./text-index.ts";
import { type TokenCount, TokenTotals } from "./token-totals.ts";

export interface LinterOptions {
  /** The backbone's own tokenizer; without it nothing is said of truncation and unknown tokens. */
  readonly tokenCount?: TokenCount;
  /** The linter of the training file, all its rows added: makes this one a validation file's. */
  readonly against?: Linter;
  /** The most errors, and warnings, that a report lists: of rows, and of the whole file again as many. 1,000. */
  readonly maxIssues?: number;
}

/** What is wrong with a data set, row by row and as a whole. No I/O: the command line, the API and the browser share it. */
export interface Linter {
  add(reading: Reading): void;
  /** All that was added so far; may be called again. Issues of the whole file come first. */
  report(): LintReport;
}

export function createLinter(options: LinterOptions = {}): Linter {
  return new RowLinter(options);
}

class RowLinter implements Linter {
  readonly #train: RowLinter | null;
  readonly #frame: LintFrame;
  readonly #tokens: TokenTotals | null;
  readonly #texts = new TextIndex();
  readonly #duplicates = new LinePairs();
  readonly #leaks = new LinePairs();

  constructor({ tokenCount, against, maxIssues }: LinterOptions) {
    this.#train = (against as RowLinter | undefined) ?? null;
    this.#tokens = tokenCount === undefined ? null : new TokenTotals(tokenCount);
    this.#frame = new LintFrame(maxIssues);
  }

  add(reading: Reading): void {
    if (reading.kind === "row") this.#addRow(reading.row);
    else this.#frame.add(reading);
  }

  report(): LintReport {
    return this.#frame.report(this.#wholeFile());
  }

  #addRow({ text, label, line }: Example): void {
    const id = this.#frame.countLabel(label, line);
    if (id === null) return;
    this.#frame.rows++;
    this.#tokens?.add(text, line);
    const trained = this.#train === null ? null : this.#train.#texts.find(text);
    if (trained !== null) this.#leaks.add(trained.line, line);
    const verdict = this.#texts.add(text, { line, label: id });
    if (verdict.kind === "duplicate") this.#duplicates.add(verdict.first.line, line);
    if (verdict.kind !== "conflict") return;
    const { first } = verdict;
    const message = `lines ${first.line} and ${line} hold the same text with the labels ${excerpt(this.#frame.nameOf(first.label))} and ${excerpt(label)}.`;
    this.#frame.add(
      warningAt(
        { line, column: 0 },
        "conflicting_labels",
        message,
        "Keep the right one, or let one label cover both.",
      ),
    );
  }

  #wholeFile(): Finding[] {
    const findings: Finding[] = [];
    if (this.#frame.rows === 0 && this.#frame.errors === 0) {
      findings.push(
        errorAt(
          WHOLE_FILE,
          "no_rows",
          "expected at least one row, seen none.",
          "Add rows of a text and a label.",
        ),
      );
    }
    findings.push(...this.#frame.tooManyLabels("Are text and label swapped?"));
    if (this.#train === null) findings.push(...checkClasses(this.#frame.labels));
    else findings.push(...checkValidationLabels(this.#train.#frame.labels, this.#frame.labels));
    findings.push(
      ...checkSpelling(this.#frame.labels),
      ...this.#repeats(),
      ...(this.#tokens?.findings() ?? []),
    );
    return findings;
  }

  #repeats(): Finding[] {
    const findings: Finding[] = [];
    if (this.#duplicates.total > 0) {
      const message = `${count(this.#duplicates.total, "row repeats", "rows repeat")} the text and label of an earlier one: ${this.#duplicates.listed("first at line")}.`;
      findings.push(
        warningAt(
          this.#duplicates.place,
          "duplicate_rows",
          message,
          "Delete the copies: they count twice in tuning and in every figure.",
        ),
      );
    }
    if (this.#leaks.total > 0) {
      const message = `${count(this.#leaks.total, "validation row has", "validation rows have")} the text of a training row, so the accuracy looks better than it is: ${this.#leaks.listed("training line")}.`;
      findings.push(
        warningAt(this.#leaks.place, "leak", message, "Remove those rows from one of the files."),
      );
    }
    return findings;
  }
}
