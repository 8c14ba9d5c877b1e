import type { CsvShape, RowShape } from "./check-row.ts";
import { type CsvRecord, csvRecords } from "./csv-records.ts";
import type { Line } from "./decode-lines.ts";
import { count, excerpt, quotedList } from "./excerpt.ts";
import { errorAt, type Finding, type Reading } from "./reading.ts";
import { UnknownKeys } from "./unknown-keys.ts";

/** What `readJsonl` reads of objects, of a table. */
export interface TableShape<R> extends RowShape<R> {
  readonly csv: CsvShape;
}

/**
 * CSV with a header that names the columns of `shape`, in any order, case and company. Fields are separated by comma,
 * semicolon or tab: whichever finds all names in the header.
 */
export async function* readCsv<R>(
  lines: AsyncIterable<Line | Finding>,
  shape: TableShape<R>,
): AsyncGenerator<Reading<R>> {
  const unknown = new UnknownKeys(shape.csv.columns);
  let header: Header | null = null;
  for await (const record of csvRecords(lines, (line) => separatorOf(line, shape.csv.columns))) {
    if (record.kind !== "record") {
      yield record;
      continue;
    }
    if (header === null) {
      const read = headerOf(record, shape.csv.columns);
      if ("kind" in read) {
        yield read;
        return;
      }
      header = read;
      continue;
    }
    yield* readingsOf(record, header, shape, unknown);
  }
  yield* unknown.findings();
}

interface Header {
  readonly names: readonly string[];
  /** Where each column of the shape stands. */
  readonly places: ReadonlyMap<string, number>;
}

const SEPARATORS = [",", ";", "\t"];

function separatorOf(headerLine: string, columns: readonly string[]): string {
  const namesAll = (separator: string) => {
    const names = headerLine
      .split(separator)
      .map((name) => columnName(name.trim().replace(/^"(.*)"$/, "$1")));
    return columns.every((column) => names.includes(column));
  };
  return SEPARATORS.find(namesAll) ?? ",";
}

function columnName(written: string): string {
  return written.trim().toLowerCase();
}

function headerOf(record: CsvRecord, columns: readonly string[]): Header | Finding {
  const names = record.fields.map(({ value }) => columnName(value));
  const fault = (message: string) =>
    errorAt(
      { line: record.line, column: 1 },
      "csv_header",
      message,
      `Begin the file with the line: ${columns.join(",")}`,
    );
  for (const name of columns) {
    const times = names.filter((other) => other === name).length;
    const seen = excerpt(names.join(","));
    if (times === 0) return fault(`expected a header with the columns ${quotedList(columns)}, seen ${seen}.`);
    if (times > 1) return fault(`expected one column "${name}" in the header, seen ${times} in ${seen}.`);
  }
  return { names, places: new Map(columns.map((name) => [name, names.indexOf(name)])) };
}

function readingsOf<R>(
  record: CsvRecord,
  header: Header,
  { check, csv }: TableShape<R>,
  unknown: UnknownKeys,
): Reading<R>[] {
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
  const read = new Set(header.places.values());
  for (const [i, { value, place }] of fields.slice(0, columns).entries()) {
    if (!read.has(i) && value !== "") unknown.add(header.names[i] ?? "", place);
  }
  return check(line, (key) => {
    const field = fields[header.places.get(key) ?? -1];
    if (field === undefined) return { value: undefined, place: { line, column: 0 } };
    const cellOf = csv.cells?.[key];
    return { value: cellOf === undefined ? field.value : cellOf(field.value), place: field.place };
  });
}
