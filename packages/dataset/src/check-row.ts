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
  /** A row where its fields can be used, else every reason why not; warnings besides. */
  check(line: number, field: (key: string) => Field): Reading<R>[];
}

export const TEXT_ROWS: RowShape<Example> = {
  keys: ["text", "label"],
  example: '{"text": "..", "label": ".."}',
  check: (line, field) => checkRow(line, field("text"), field("label")),
};

/** A row where text and label can be used, else every reason why not; warnings besides. */
export function checkRow(line: number, text: Field, label: Field): Reading[] {
  const findings = [...findingsOfText(text), ...findingsOfLabel(label)];
  if (findings.some((finding) => finding.kind === "error")) return findings;
  return [
    ...findings,
    { kind: "row", row: { text: text.value as string, label: label.value as string, line } },
  ];
}

function findingsOfText({ value, place }: Field): Finding[] {
  const hint = "Give every row a text, or delete the row.";
  if (value === undefined) return [errorAt(place, "text_missing", 'expected a "text", seen none.', hint)];
  if (typeof value !== "string") {
    return [
      errorAt(
        place,
        "text_not_string",
        `expected "text" to be a string, seen ${kindOf(value)}.`,
        "Put the text in double quotes.",
      ),
    ];
  }
  if (value.trim() === "") {
    const seen = value === "" ? "an empty one" : "only blanks";
    return [errorAt(place, "text_empty", `expected a text with words in it, seen ${seen}.`, hint)];
  }
  if (value.length > MAX_TEXT_LENGTH) {
    const message = `expected a text of at most ${MAX_TEXT_LENGTH} characters, seen ${value.length}.`;
    return [
      errorAt(place, "text_too_long", message, "Split the text, or keep the part that decides the label."),
    ];
  }
  if (!value.isWellFormed()) return [halfPair(place, "text")];
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

export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose.
const CONTROL = /[\u0000-\u001f\u007f]/;

function halfPair(place: Place, key: string): Finding {
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
