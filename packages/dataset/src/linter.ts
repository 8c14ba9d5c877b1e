import type { LintReport } from "@kilotune/contract";
import { checkClasses, checkSpelling, checkValidationLabels } from "./check-labels.ts";
import { count, excerpt } from "./excerpt.ts";
import { IssueList } from "./issue-list.ts";
import { LinePairs } from "./line-pairs.ts";
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

/** More classes than any head is tuned for: the text is in the label's place, say. */
export const MAX_LABELS = 10_000;
const MAX_ISSUES = 1000;

class RowLinter implements Linter {
  readonly #train: RowLinter | null;
  readonly #maxIssues: number;
  readonly #errors: IssueList;
  readonly #warnings: IssueList;
  readonly #tokens: TokenTotals | null;
  readonly #texts = new TextIndex();
  /** A Map, since a class may be named `__proto__`. Its `id` is the label's number in the text index. */
  readonly #labels = new Map<string, { readonly id: number; readonly line: number; rows: number }>();
  readonly #names: string[] = [];
  readonly #duplicates = new LinePairs();
  readonly #leaks = new LinePairs();
  #rows = 0;
  #tooManyLabelsLine = 0;

  constructor({ tokenCount, against, maxIssues = MAX_ISSUES }: LinterOptions) {
    this.#train = (against as RowLinter | undefined) ?? null;
    this.#tokens = tokenCount === undefined ? null : new TokenTotals(tokenCount);
    this.#maxIssues = maxIssues;
    this.#errors = new IssueList("error", maxIssues);
    this.#warnings = new IssueList("warning", maxIssues);
  }

  add(reading: Reading): void {
    if (reading.kind === "row") this.#addRow(reading.row);
    else (reading.kind === "error" ? this.#errors : this.#warnings).add(reading.issue);
  }

  report(): LintReport {
    const ofFile = {
      error: new IssueList("error", this.#maxIssues),
      warning: new IssueList("warning", this.#maxIssues),
    };
    for (const { kind, issue } of this.#wholeFile()) ofFile[kind].add(issue);
    return {
      rows: this.#rows,
      labels: new Map([...this.#labels].map(([label, { rows }]) => [label, rows])),
      errors: [...ofFile.error.issues(), ...this.#errors.issues()],
      warnings: [...ofFile.warning.issues(), ...this.#warnings.issues()],
    };
  }

  #addRow({ text, label, line }: Example): void {
    const id = this.#countLabel(label, line);
    if (id === null) return;
    this.#rows++;
    this.#tokens?.add(text, line);
    const trained = this.#train === null ? null : this.#train.#texts.find(text);
    if (trained !== null) this.#leaks.add(trained.line, line);
    const verdict = this.#texts.add(text, { line, label: id });
    if (verdict.kind === "duplicate") this.#duplicates.add(verdict.first.line, line);
    if (verdict.kind !== "conflict") return;
    const { first } = verdict;
    const message = `lines ${first.line} and ${line} hold the same text with the labels ${excerpt(this.#names[first.label] ?? "")} and ${excerpt(label)}.`;
    this.#warnings.add(
      warningAt(
        { line, column: 0 },
        "conflicting_labels",
        message,
        "Keep the right one, or let one label cover both.",
      ).issue,
    );
  }

  #countLabel(label: string, line: number): number | null {
    const known = this.#labels.get(label);
    if (known !== undefined) {
      known.rows++;
      return known.id;
    }
    if (this.#labels.size >= MAX_LABELS) {
      this.#tooManyLabelsLine ||= line;
      return null;
    }
    // A copy: a label sliced out of a CSV file would keep the 64 KiB around it alive.
    const name = JSON.parse(JSON.stringify(label)) as string;
    const id = this.#names.push(name) - 1;
    this.#labels.set(name, { id, line, rows: 1 });
    return id;
  }

  #wholeFile(): Finding[] {
    const findings: Finding[] = [];
    if (this.#rows === 0 && this.#errors.total === 0) {
      findings.push(
        errorAt(
          WHOLE_FILE,
          "no_rows",
          "expected at least one row, seen none.",
          "Add rows of a text and a label.",
        ),
      );
    }
    if (this.#tooManyLabelsLine > 0) {
      const place = { line: this.#tooManyLabelsLine, column: 0 };
      findings.push(
        errorAt(
          place,
          "too_many_labels",
          `expected at most ${MAX_LABELS} different labels, seen more.`,
          "Are text and label swapped?",
        ),
      );
    }
    if (this.#train === null) findings.push(...checkClasses(this.#labels));
    else findings.push(...checkValidationLabels(this.#train.#labels, this.#labels));
    findings.push(...checkSpelling(this.#labels), ...this.#repeats(), ...(this.#tokens?.findings() ?? []));
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
