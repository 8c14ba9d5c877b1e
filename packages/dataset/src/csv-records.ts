import { type Line, MAX_LINE_LENGTH } from "./decode-lines.ts";
import { excerpt } from "./excerpt.ts";
import { errorAt, type Finding, type Place } from "./reading.ts";

export interface CsvRecord {
  readonly kind: "record";
  readonly fields: readonly CsvField[];
  /** 1-based line on which the record starts. */
  readonly line: number;
  /** False where the file ends without a line end after the record. */
  readonly terminated: boolean;
}

export interface CsvField {
  readonly value: string;
  readonly place: Place;
}

/**
 * Lines to records as in RFC 4180: quotes around a field, doubled quotes in it, line ends in it (read as LF). Blank
 * lines are no records. A quote inside an unquoted field is a character like any other, as spreadsheets read it.
 *
 * Written here rather than taken from a library: the ones for Node need Node's streams or a shim of its Buffer in the
 * browser, and none tells the line and column of every field. `csv-parse` judges it in the tests.
 *
 * @param separatorOf the separator, told from the first line that isn't blank.
 */
export async function* csvRecords(
  lines: AsyncIterable<Line | Finding>,
  separatorOf: (headerLine: string) => string,
): AsyncGenerator<CsvRecord | Finding> {
  let separator: string | null = null;
  let open: OpenRecord | null = null;
  for await (const line of lines) {
    if (line.kind !== "line") {
      yield line;
      return;
    }
    if (open === null && line.text.trim() === "") continue;
    separator ??= separatorOf(line.text);
    const record: OpenRecord = open ?? { line: line.line, fields: [], quoted: null, length: 0 };
    record.length += line.text.length + 1;
    const fault = readLine(record, line, separator);
    open = record.quoted === null ? null : record;
    if (fault !== null) yield fault;
    else if (open === null)
      yield { kind: "record", fields: record.fields, line: record.line, terminated: line.terminated };
    else if (record.length > MAX_LINE_LENGTH) break;
  }
  if (open?.quoted) yield quoteLeftOpen(open.quoted.place);
}

interface OpenRecord {
  readonly line: number;
  readonly fields: CsvField[];
  /** The field whose closing quote has not come yet. */
  quoted: { value: string; readonly place: Place } | null;
  /** UTF-16 units so far, so that a quote left open can't fill memory. */
  length: number;
}

/** Adds a line's fields to the record, leaving `quoted` set where the line ends inside quotes. */
function readLine(record: OpenRecord, { text, line }: Line, separator: string): Finding | null {
  let at = 0;
  if (record.quoted !== null) record.quoted.value += "\n";
  for (;;) {
    const place = { line, column: at + 1 };
    if (record.quoted === null && text[at] === '"') {
      record.quoted = { value: "", place };
      at++;
    }
    if (record.quoted !== null) {
      const field = record.quoted;
      at = readQuoted(field, text, at);
      if (at < 0) return null;
      record.quoted = null;
      record.fields.push(field);
      if (at < text.length && text[at] !== separator) return strayAfterQuote(text, line, at);
    } else {
      const end = text.indexOf(separator, at);
      record.fields.push({ value: text.slice(at, end < 0 ? text.length : end), place });
      at = end < 0 ? text.length : end;
    }
    if (at >= text.length) return null;
    at++;
  }
}

/** Appends to the field up to its closing quote and returns the offset after that, or -1 where the line ends before. */
function readQuoted(field: { value: string }, text: string, start: number): number {
  for (let at = start; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      field.value += text.slice(at);
      return -1;
    }
    field.value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return quote + 1;
    field.value += '"';
    at = quote + 2;
  }
}

function strayAfterQuote(text: string, line: number, at: number): Finding {
  return errorAt(
    { line, column: at + 1 },
    "csv_quote",
    `expected a separator or the line's end after a closing quote, seen ${excerpt(String.fromCodePoint(text.codePointAt(at) ?? 0))}.`,
    'Write a quote inside a quoted text twice: "".',
  );
}

function quoteLeftOpen(place: Place): Finding {
  return errorAt(
    place,
    "csv_quote_open",
    "expected a closing quote for the one here, seen none.",
    'Close it, or write a quote that belongs to the text as """" (quoted and doubled).',
  );
}
