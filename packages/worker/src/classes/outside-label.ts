import type { LintIssue } from "@kilotune/contract";

/** What keeps a training file from being learnt with rows of a label that is none of the others'. @param labels rows of each */
export function faultsOfOutsideLabel(
  label: string | null | undefined,
  labels: ReadonlyMap<string, number>,
): LintIssue[] {
  if (label == null) return [];
  const named = JSON.stringify(label);
  const issue = (code: string, message: string, hint: string) => ({
    line: 0,
    column: 0,
    code,
    message,
    hint,
  });
  if (!labels.has(label))
    return [
      issue(
        "no_outside_rows",
        `expected rows of the label ${named}, which are none of the others', saw none`,
        "Name the label as the rows do, or leave it out: then held-out rows alone choose the threshold.",
      ),
    ];
  if (labels.size > 2) return [];
  return [
    issue(
      "one_class",
      `expected two labels or more beside ${named}, saw ${labels.size - 1}`,
      "Add rows of other labels: what is none of one label's is another label's, so give both as labels.",
    ),
  ];
}
