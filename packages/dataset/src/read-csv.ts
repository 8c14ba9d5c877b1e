import { checkRow, TEXT_ROWS } from "./check-row.ts";
import { type CsvField, type CsvRecord, csvRecords } from "./csv-records.ts";
import type { Line } from "./decode-lines.ts";
import { count, excerpt } from "./excerpt.ts";
import { errorAt, type Finding, type Reading } from "./reading.ts";
import { UnknownKeys } from "./unknown-keys.ts";

/**
 * CSV with a header that names the columns `text` and `label`, in any order, case and company. Fields are separated by
 * comma, semicolon or tab: whichever finds both names in the header.
 */
export async function* readCsv(lines: AsyncIterable<Line | Finding>): AsyncGenerator<Reading> {
  const unknown = new UnknownKeys(TEXT_ROWS.keys);
  let header: Header | null = null;
  for await (const record of csvRecords(lines, separatorOf)) {
    if (record.kind !== "record") {
      yield record;
      continue;
    }
    if (header === null) {
      const read = headerOf(record);
      if ("kind" in read) {
        yield read;
        return;
      }
      header = read;
      continue;
    }
    yield* readingsOf(record, header, unknown);
  }
  yield* unknown.findings();
}

interface Header {
  readonly names: readonly string[];
  readonly text: number;
  readonly label: number;
}

const SEPARATORS = [",", ";", "\t"];

function separatorOf(headerLine: string): string {
  const namesBoth = (separator: string) => {
    const names = headerLine
      .split(separator)
      .map((name) => columnName(name.trim().replace(/^"(.*)"$/, "$1")));
    return names.includes("text") && names.includes("label");
  };
  return SEPARATORS.find(namesBoth) ?? ",";
}

function columnName(written: string): string {
  return written.trim().toLowerCase();
}

function headerOf(record: CsvRecord): Header | Finding {
  const names = record.fields.map(({ value }) => columnName(value));
  const fault = (message: string) =>
    errorAt(
      { line: record.line, column: 1 },
      "csv_header",
      message,
      "Begin the file with the line: text,label",
    );
  for (const name of ["text", "label"]) {
    const times = names.filter((other) => other === name).length;
    const seen = excerpt(names.join(","));
    if (times === 0) return fault(`expected a header with the columns "text" and "label", seen ${seen}.`);
    if (times > 1) return fault(`expected one column "${name}" in the header, seen ${times} in ${seen}.`);
  }
  return { names, text: names.indexOf("text"), label: names.indexOf("label") };
}

function readingsOf(record: CsvRecord, header: Header, unknown: UnknownKeys): Reading[] {
  const { fields, line, terminated } = record;
  const columns = header.names.length;
  const surplus = fields.slice(columns);
  const message = `expected ${count(columns, "column")} as in the header, seen ${fields.length}.`;
  if (fields.length < columns) {
    const code = terminated ? "csv_columns" : "cut_line";
    const hint = terminated
      ? "Give the row all columns of the header."
      : "The file ends inside a row: copy or export it again.";
    return [errorAt({ line, column: 0 }, code, message, hint)];
  }
  // Spreadsheets end rows with empty columns; only columns with something in them are a fault.
  const extra = surplus.find(({ value }) => value !== "");
  if (extra !== undefined) {
    return [
      errorAt(extra.place, "csv_columns", message, "Put a text that holds the separator in double quotes."),
    ];
  }
  for (const [i, field] of fields.slice(0, columns).entries()) {
    if (i !== header.text && i !== header.label && field.value !== "")
      unknown.add(header.names[i] ?? "", field.place);
  }
  return checkRow(line, fields[header.text] as CsvField, fields[header.label] as CsvField);
}
