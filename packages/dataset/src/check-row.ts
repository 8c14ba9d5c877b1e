import { excerpt } from "./excerpt.ts";
import { errorAt, type Example, type Finding, type Place, type Reading, warningAt } from "./reading.ts";

/** In UTF-16 units: some forty times what an encoder reads, so a longer text is a file pasted into a field. */
export const MAX_TEXT_LENGTH = 100_000;
/** In UTF-16 units. Labels are shown, logged and stored in every prompt file. */
export const MAX_LABEL_LENGTH = 200;

/** One field of a row as read: `undefined` where it is missing. */
export interface Field {
  readonly value: unknown;
  readonly place: Place;
}

/** What the JSON objects of a file hold, line by line. */
export interface RowShape<R> {
  /** The keys that mean something. */
  readonly keys: readonly string[];
  /** One object as an example, for messages. */
  readonly example: string;
  /** The same row in a table, where a table can hold it. */
  readonly csv?: CsvShape;
  /** A row where its fields can be used, else every reason why not; warnings besides. */
  check(line: number, field: (key: string) => Field): Reading<R>[];
}

export interface CsvShape {
  /** Columns that the header must name. */
  readonly columns: readonly string[];
  /** What a cell stands for, by its column; text where nothing is said. What it can't read it gives back as it is. */
  readonly cells?: Readonly<Record<string, (cell: string) => unknown>>;
}

export const TEXT_ROWS: RowShape<Example> = {
  keys: ["text", "label"],
  example: '{"text": "..", "label": ".."}',
  csv: { columns: ["text", "label"] },
  check(line, field) {
    const [text, label] = [field("text"), field("label")];
    return rowUnless([...findingsOfText(text), ...findingsOfLabel(label)], () => ({
      text: text.value as string,
      label: label.value as string,
      line,
    }));
  },
};

/** The findings, and behind them the row where none of them is an error. */
export function rowUnless<R>(findings: readonly Finding[], row: () => R): Reading<R>[] {
  if (findings.some(({ kind }) => kind === "error")) return [...findings];
  return [...findings, { kind: "row", row: row() }];
}

/** @param key of the field, which begins the codes: `text_empty`, `query_empty` */
export function findingsOfText({ value, place }: Field, key = "text"): Finding[] {
  const hint = `Give every row a ${key}, or delete the row.`;
  if (value === undefined) return [errorAt(place, `${key}_missing`, `expected a "${key}", seen none.`, hint)];
  if (typeof value !== "string") {
    return [
      errorAt(
        place,
        `${key}_not_string`,
        `expected "${key}" to be a string, seen ${kindOf(value)}.`,
        "Put the text in double quotes.",
      ),
    ];
  }
  if (value.trim() === "") {
    const seen = value === "" ? "an empty one" : "only blanks";
    return [errorAt(place, `${key}_empty`, `expected a text with words in it, seen ${seen}.`, hint)];
  }
  if (value.length > MAX_TEXT_LENGTH) {
    const message = `expected a text of at most ${MAX_TEXT_LENGTH} characters, seen ${value.length}.`;
    return [
      errorAt(place, `${key}_too_long`, message, "Split the text, or keep the part that decides the answer."),
    ];
  }
  if (!value.isWellFormed()) return [halfPair(place, key)];
  if (!value.includes("\u0000")) return [];
  return [
    warningAt(
      place,
      "nul_character",
      "the text holds a NUL character, which the backbone does not see.",
      "Remove \\u0000 from the text.",
    ),
  ];
}

export function findingsOfLabel({ value, place }: Field): Finding[] {
  const hint = "Give every row a label, or delete the row.";
  if (value === undefined) return [errorAt(place, "label_missing", 'expected a "label", seen none.', hint)];
  if (typeof value !== "string") {
    const message = `expected "label" to be a string, seen ${kindOf(value)}.`;
    const scalar = typeof value === "number" || typeof value === "boolean";
    return [
      errorAt(place, "label_not_string", message, scalar ? `Put it in quotes: "label": "${value}".` : hint),
    ];
  }
  if (value.trim() === "") {
    const seen = value === "" ? "an empty one" : "only blanks";
    return [errorAt(place, "label_empty", `expected a label with a name, seen ${seen}.`, hint)];
  }
  if (value.length > MAX_LABEL_LENGTH) {
    const message = `expected a label of at most ${MAX_LABEL_LENGTH} characters, seen ${value.length}: ${excerpt(value)}.`;
    return [errorAt(place, "label_too_long", message, "Use a short name; are text and label swapped?")];
  }
  if (!value.isWellFormed()) return [halfPair(place, "label")];
  if (!hasControl(value)) return [];
  return [
    errorAt(
      place,
      "label_control",
      `expected a label of one line, seen a control character in ${excerpt(value)}.`,
      "Remove line ends, tabs and NUL from labels.",
    ),
  ];
}

/** Any number of labels, none included: `[]` says that none fits. */
export function findingsOfLabels({ value, place }: Field): Finding[] {
  const hint = 'Write "labels": ["..", ".."], or [] where none fits.';
  if (value === undefined) return [errorAt(place, "labels_missing", 'expected "labels", seen none.', hint)];
  if (!Array.isArray(value)) {
    return [
      errorAt(place, "labels_not_array", `expected "labels" to be an array, seen ${kindOf(value)}.`, hint),
    ];
  }
  if (value.length > MAX_LABELS_OF_A_ROW) {
    const message = `expected at most ${MAX_LABELS_OF_A_ROW} labels of one row, seen ${value.length}.`;
    return [errorAt(place, "labels_too_many", message, "Is the text in the labels' place?")];
  }
  return value.flatMap((label) => findingsOfLabel({ value: label, place }));
}

/** More than anyone gives one text: a list of all classes, say. */
const MAX_LABELS_OF_A_ROW = 1000;

export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose.
const CONTROL = /[\u0000-\u001f\u007f]/;

export function halfPair(place: Place, key: string): Finding {
  return errorAt(
    place,
    "lone_surrogate",
    `expected whole characters in "${key}", seen half of a surrogate pair.`,
    "The text was cut inside an emoji or a rare letter; export it again.",
  );
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
