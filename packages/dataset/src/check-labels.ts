import { count, excerpt } from "./excerpt.ts";
import { errorAt, type Finding, WHOLE_FILE, warningAt } from "./reading.ts";
import { textKey } from "./text-key.ts";

export interface LabelCount {
  readonly rows: number;
  /** 1-based line of its first row. */
  readonly line: number;
}

export type LabelCounts = ReadonlyMap<string, LabelCount>;

/** Below this a class is tuned, but what is said of its accuracy is guesswork. */
export const FEW_ROWS = 5;
/** Largest class to smallest. */
export const MAX_IMBALANCE = 50;

/**
 * Whether the classes can be told apart: at least two of them, or there is nothing to learn. A class of one row is a
 * warning, not an error: it is tuned, but can't be held out. From two rows a class everything works.
 */
export function checkClasses(labels: LabelCounts): Finding[] {
  const classes = [...labels];
  const [first] = classes;
  if (first === undefined) return [];
  if (classes.length < 2) {
    const message = `expected at least 2 different labels, seen only ${excerpt(first[0])}.`;
    return [errorAt(WHOLE_FILE, "one_class", message, "Add rows with another label.")];
  }
  const findings: Finding[] = [];
  const single = classes.filter(([, { rows }]) => rows === 1);
  if (single.length > 0) {
    const message = `${count(single.length, "class has", "classes have")} a single row, so nothing can be held out to measure: ${listed(single)}.`;
    findings.push(warningAt(WHOLE_FILE, "class_single_row", message, "Add at least one row to each."));
  }
  const few = classes.filter(([, { rows }]) => rows > 1 && rows < FEW_ROWS);
  if (few.length > 0) {
    const message = `${count(few.length, "class has", "classes have")} fewer than ${FEW_ROWS} rows: ${listed(few)}.`;
    findings.push(
      warningAt(WHOLE_FILE, "class_few_rows", message, "Ten rows a class and more give a far better model."),
    );
  }
  const largest = classes.reduce((a, b) => (b[1].rows > a[1].rows ? b : a));
  const smallest = classes.reduce((a, b) => (b[1].rows < a[1].rows ? b : a));
  if (largest[1].rows > MAX_IMBALANCE * smallest[1].rows) {
    const message = `the largest class has more than ${MAX_IMBALANCE} times the rows of the smallest: ${listed([largest, smallest])}.`;
    findings.push(
      warningAt(
        WHOLE_FILE,
        "class_imbalance",
        message,
        "Add rows to the small classes, and watch the macro F1 rather than the accuracy.",
      ),
    );
  }
  return findings;
}

/** Labels that a person would call the same, and labels with blanks around them. They stay as they are written. */
export function checkSpelling(labels: LabelCounts): Finding[] {
  const spellings = Map.groupBy(labels, ([label]) => textKey(label));
  const variants = [...spellings.values()].filter((group) => group.length > 1);
  const findings = variants.map((group) => {
    const message = `the labels ${listed(group)} differ only in ${differenceOf(group.map(([label]) => label))}, yet count as ${group.length} classes.`;
    return warningAt(
      { line: group[1]?.[1].line ?? 0, column: 0 },
      "label_spelling",
      message,
      "Write them alike if they mean the same.",
    );
  });
  for (const [label, { rows, line }] of labels) {
    if (label === label.trim() || (spellings.get(textKey(label))?.length ?? 0) > 1) continue;
    const message = `the label ${excerpt(label)} (${count(rows, "row")}) has blanks around it, which are part of its name.`;
    findings.push(
      warningAt({ line, column: 0 }, "label_padded", message, "Remove them unless they are meant."),
    );
  }
  return findings;
}

/** What is amiss between the classes of the training and of the validation file. */
export function checkValidationLabels(train: LabelCounts, validation: LabelCounts): Finding[] {
  const findings: Finding[] = [];
  const unseen = [...validation].filter(([label]) => !train.has(label));
  if (unseen.length > 0) {
    const message = `${count(unseen.length, "label is", "labels are")} in the validation file but not in the training file, so all those rows count as wrong: ${listed(unseen)}.`;
    findings.push(
      warningAt(
        { line: unseen[0]?.[1].line ?? 0, column: 0 },
        "label_only_in_validation",
        message,
        "Add training rows, or remove these.",
      ),
    );
  }
  const unmeasured = [...train].filter(([label]) => !validation.has(label));
  if (unmeasured.length > 0) {
    const message = `${count(unmeasured.length, "label is", "labels are")} in the training file but not in the validation file, so nothing measures them: ${listed(unmeasured)}.`;
    findings.push(warningAt(WHOLE_FILE, "label_only_in_train", message, "Add validation rows for them."));
  }
  return findings;
}

const LISTED = 5;

function listed(classes: readonly [string, LabelCount][]): string {
  const named = classes
    .slice(0, LISTED)
    .map(([label, { rows }]) => `${excerpt(label)} (${count(rows, "row")})`);
  const rest = classes.length - named.length;
  if (rest > 0) return `${named.join(", ")} and ${rest} more`;
  return named.length === 1 ? named.join("") : `${named.slice(0, -1).join(", ")} and ${named.at(-1)}`;
}

function differenceOf(labels: readonly string[]): string {
  const alike = (simplify: (label: string) => string) => new Set(labels.map(simplify)).size === 1;
  if (alike((label) => label.trim())) return "outer blanks";
  if (alike((label) => label.normalize("NFC"))) return "Unicode form";
  if (alike((label) => label.toLowerCase())) return "case";
  return "case, blanks or Unicode form";
}
