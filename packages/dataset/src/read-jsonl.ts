import { kindOf, type RowShape } from "./check-row.ts";
import type { Line } from "./decode-lines.ts";
import { excerpt } from "./excerpt.ts";
import { findJsonFault, type JsonFault } from "./json-fault.ts";
import { topLevelKeys } from "./json-keys.ts";
import { errorAt, type Finding, type Reading, warningAt } from "./reading.ts";
import { UnknownKeys } from "./unknown-keys.ts";

/** One JSON object a line. Lines of blanks are no rows and no faults. */
export async function* readJsonl<R>(
  lines: AsyncIterable<Line | Finding>,
  shape: RowShape<R>,
): AsyncGenerator<Reading<R>> {
  const unknown = new UnknownKeys(shape.keys);
  let first = true;
  for await (const line of lines) {
    if (line.kind !== "line") {
      yield line;
      break;
    }
    if (line.text.trim() === "") continue;
    const other = first ? otherLayout(line) : null;
    if (other !== null) {
      yield other;
      break;
    }
    first = false;
    yield* readingsOf(line, shape, unknown);
  }
  yield* unknown.findings();
}

function readingsOf<R>(
  { text, line, terminated }: Line,
  shape: RowShape<R>,
  unknown: UnknownKeys,
): Reading<R>[] {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    // Never null: JSON.parse has refused the text. Should the two ever differ, the line is still refused.
    return [badJson(text, line, terminated, fault ?? { offset: 0, expected: "JSON" })];
  }
  if (row === null || typeof row !== "object" || Array.isArray(row)) {
    const message = `expected an object like ${shape.example}, seen ${kindOf(row)}.`;
    return [
      errorAt({ line, column: text.search(/\S/) + 1 }, "not_an_object", message, `Write ${shape.example}.`),
    ];
  }
  const repeated: Finding[] = [];
  const columns = new Map<string, number>();
  for (const { key, keyOffset, valueOffset } of topLevelKeys(text)) {
    const place = { line, column: keyOffset + 1 };
    if (columns.has(key)) {
      repeated.push(
        warningAt(
          place,
          "duplicate_key",
          `the key ${excerpt(key)} is in the row twice; the last one counts.`,
          "Delete one of them.",
        ),
      );
    } else if (!shape.keys.includes(key)) unknown.add(key, place);
    columns.set(key, valueOffset + 1);
  }
  const field = (key: string) => ({
    // Through the own property, never `row[key]`: nothing inherited is data.
    value: Object.getOwnPropertyDescriptor(row, key)?.value as unknown,
    place: { line, column: columns.get(key) ?? 0 },
  });
  return [...repeated, ...shape.check(line, field)];
}

function badJson(text: string, line: number, terminated: boolean, { offset, expected }: JsonFault): Finding {
  const place = { line, column: offset + 1 };
  if (offset >= text.length && !terminated) {
    return errorAt(
      place,
      "cut_line",
      `the file ends inside a row, expected ${expected}.`,
      "The file was cut: copy or export it again.",
    );
  }
  const seen =
    offset >= text.length
      ? "the end of the line"
      : excerpt(String.fromCodePoint(text.codePointAt(offset) ?? 0));
  return errorAt(place, "bad_json", `expected ${expected}, seen ${seen}.`, hintFor(text, offset, expected));
}

/** The usual slips, told by what stands at the fault and before it. */
function hintFor(text: string, offset: number, expected: string): string {
  const seen = text[offset] ?? "";
  const before = text.slice(0, offset).trimEnd().at(-1) ?? "";
  if (seen === "") return "The row ends too early: write one whole object a line.";
  if (seen === "'") return "JSON uses double quotes, never single ones.";
  if (before === "," && (seen === "}" || seen === "]")) return "Delete the comma before it.";
  if (before === '"' && expected.startsWith('","'))
    return 'A quote inside a string is written \\"; between two keys stands a comma.';
  if (seen < " ") return "Inside a string a tab is written \\t and a line end \\n.";
  if (expected.includes("after \\")) return "A backslash inside a string is written \\\\.";
  if (expected === "a value" && /^(?:None|True|False|NaN|undefined)\b/.test(text.slice(offset, offset + 10)))
    return "JSON knows only true, false and null.";
  if (expected === "the end of the line") return "Write one object a line.";
  return "Write the row with a JSON library, one object a line.";
}

/** JSON, but not one row a line: refused at once rather than with a fault a line. */
function otherLayout({ text, line }: Line): Finding | null {
  const start = text.trim();
  const place = { line, column: text.indexOf(start) + 1 };
  if (start === "{") {
    return errorAt(
      place,
      "not_json_lines",
      "expected a whole object on every line, seen one that spans lines.",
      "Write one object a line: jq -c . FILE.",
    );
  }
  if (start === "[" || /^\[\s*\{/.test(start)) {
    return errorAt(
      place,
      "not_json_lines",
      "expected one object a line, seen one JSON array.",
      "Write one object a line: jq -c '.[]' FILE.",
    );
  }
  return null;
}
