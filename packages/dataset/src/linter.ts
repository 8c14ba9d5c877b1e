import type { LintReport } from "@kilotune/contract";
import { checkClasses, checkSpelling, checkValidationLabels } from "./check-labels.ts";
import { count, excerpt } from "./excerpt.ts";
import { LinePairs } from "./line-pairs.ts";
import { LintFrame } from "./lint-frame.ts";
import { NearTexts, signatureOf } from "./near-texts.ts";
import { type Example, errorAt, type Finding, type Reading, WHOLE_FILE, warningAt } from "./reading.ts";
import { type Sighting, TextIndex } from "./text-index.ts";
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
  readonly #near = new NearTexts();
  readonly #nearPairs = new LinePairs();
  readonly #nearConflicts = new LinePairs();
  readonly #nearLeaks = new LinePairs();

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
    if (verdict.kind === "new") this.#addNear(text, { line, label: id }, trained !== null);
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
