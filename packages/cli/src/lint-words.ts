import type { LintIssue, LintReport } from "@kilotune/contract";
import { oneLine, printable } from "./terminal/printable.ts";
import type { Style } from "./terminal/terminal.ts";

/** Paints for the stream that the words go to. */
export type Paint = (style: Style, text: string) => string;

/** A lint report for people: the sum, the errors by kind, the warnings by kind. */
export function lintWords(
  file: string,
  { rows, labels, errors, warnings }: LintReport,
  paint: Paint,
): string {
  // Rows of numbers and of pairs that find one another have none.
  const seen = labels.size === 0 ? "" : `, ${labels.size} labels`;
  const sum = `${rows} rows${seen}, ${counted(errors, "error")}, ${counted(warnings, "warning")}`;
  const verdict = errors.length > 0 ? paint("red", sum) : paint("green", sum);
  return [
    `${printable(file, 500)}: ${verdict}`,
    ...issueLines("error", errors, paint),
    ...issueLines("warning", warnings, paint),
  ].join("\n");
}

/** Grouped by code in order of first appearance; of a code the first 20, then how many more there are. */
export function issueLines(kind: "error" | "warning", issues: readonly LintIssue[], paint: Paint): string[] {
  return [...Map.groupBy(issues, ({ code }) => code)].flatMap(([code, group]) => {
    const title = paint(kind === "error" ? "red" : "yellow", `${kind} ${code}`);
    const more = group.length - SHOWN;
    return [
      `  ${title}`,
      ...group.slice(0, SHOWN).map((issue) => `    ${place(issue)}${printable(issue.message, 1000)}`),
      ...(more > 0 ? [`    and ${more} more`] : []),
      // The hints of a kind differ by little: one is enough for people, --json has them all.
      `    → ${printable(group[0]!.hint, 500)}`,
    ];
  });
}

const SHOWN = 20;

function place({ line, column }: LintIssue): string {
  if (line === 0) return "";
  return column === 0 ? `line ${line}: ` : `line ${line}, column ${column}: `;
}

/** Every label with its rows, up to 20 of them; no line where there are none. */
export function labelWords({ labels }: LintReport): string[] {
  if (labels.size === 0) return [];
  const shown = [...labels].slice(0, SHOWN).map(([label, count]) => `${oneLine(label, 40)} ${count}`);
  const more = labels.size - shown.length;
  return [`  labels: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`];
}

function counted({ length }: readonly unknown[], noun: string): string {
  return `${length} ${noun}${length === 1 ? "" : "s"}`;
}
