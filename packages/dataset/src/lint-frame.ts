import type { LintReport } from "@kilotune/contract";
import type { LabelCounts } from "./check-labels.ts";
import { IssueList } from "./issue-list.ts";
import { errorAt, type Finding } from "./reading.ts";

/** More classes than any head is tuned for: the text is in the label's place, say. */
export const MAX_LABELS = 10_000;
const MAX_ISSUES = 1000;

/** What every linter keeps: the issues of rows, how often each label came. */
export class LintFrame {
  readonly #maxIssues: number;
  readonly #issues: Readonly<Record<Finding["kind"], IssueList>>;
  /** A Map, since a class may be named `__proto__`. */
  readonly #labels = new Map<string, { readonly id: number; readonly line: number; rows: number }>();
  readonly #names: string[] = [];
  #tooManyLabelsLine = 0;
  rows = 0;

  /** @param maxIssues the most errors, and warnings, that a report lists: of rows, and of the whole file again as many */
  constructor(maxIssues: number = MAX_ISSUES) {
    this.#maxIssues = maxIssues;
    this.#issues = listsOf(maxIssues);
  }

  add({ kind, issue }: Finding): void {
    this.#issues[kind].add(issue);
  }

  get errors(): number {
    return this.#issues.error.total;
  }

  get labels(): LabelCounts {
    return this.#labels;
  }

  nameOf(id: number): string {
    return this.#names[id] ?? "";
  }

  /** @returns the label's number; null where there are too many labels for it to have one */
  countLabel(label: string, line: number): number | null {
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

  /** `tooManyHint` says what may have gone wrong where there are more labels than any head is tuned for. */
  tooManyLabels(tooManyHint: string): Finding[] {
    if (this.#tooManyLabelsLine === 0) return [];
    const place = { line: this.#tooManyLabelsLine, column: 0 };
    const message = `expected at most ${MAX_LABELS} different labels, seen more.`;
    return [errorAt(place, "too_many_labels", message, tooManyHint)];
  }

  /** Issues of the whole file come first. */
  report(ofFile: readonly Finding[]): LintReport {
    const whole = listsOf(this.#maxIssues);
    for (const { kind, issue } of ofFile) whole[kind].add(issue);
    return {
      rows: this.rows,
      labels: new Map([...this.#labels].map(([label, { rows }]) => [label, rows])),
      errors: [...whole.error.issues(), ...this.#issues.error.issues()],
      warnings: [...whole.warning.issues(), ...this.#issues.warning.issues()],
    };
  }
}

function listsOf(maxIssues: number): Record<Finding["kind"], IssueList> {
  return { error: new IssueList("error", maxIssues), warning: new IssueList("warning", maxIssues) };
}
