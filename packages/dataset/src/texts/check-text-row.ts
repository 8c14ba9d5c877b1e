import {
  type Field,
  findingsOfLabels,
  findingsOfText,
  kindOf,
  type RowShape,
  rowUnless,
} from "../check-row.ts";
import { excerpt } from "../excerpt.ts";
import { errorAt, type Finding, warningAt } from "../reading.ts";
import { textKey } from "../text-key.ts";
import type { MultiLabelRow, PairedText, RegressionRow, RetrievalRow } from "./text-rows.ts";

export const MULTI_LABEL_ROWS: RowShape<MultiLabelRow> = {
  keys: ["text", "labels"],
  example: '{"text": "..", "labels": ["..", ".."]}',
  csv: { columns: ["text", "labels"], cells: { labels: labelsOfCell } },
  check(line, field) {
    const [text, labels] = [field("text"), field("labels")];
    return rowUnless([...findingsOfText(text), ...findingsOfLabels(labels)], () => ({
      text: text.value as string,
      labels: [...new Set(labels.value as string[])],
      line,
    }));
  },
};

export const REGRESSION_ROWS: RowShape<RegressionRow> = {
  keys: ["text", "value"],
  example: '{"text": "..", "value": 4.5}',
  csv: { columns: ["text", "value"], cells: { value: valueOfCell } },
  check(line, field) {
    const [text, value] = [field("text"), field("value")];
    return rowUnless([...findingsOfText(text), ...findingsOfValue(value)], () => ({
      text: text.value as string,
      value: value.value as number,
      line,
    }));
  },
};

export const RETRIEVAL_ROWS: RowShape<RetrievalRow> = {
  keys: ["query", "positive"],
  example: '{"query": "..", "positive": ".."}',
  csv: { columns: ["query", "positive"] },
  check(line, field) {
    const [query, positive] = [field("query"), field("positive")];
    const findings = [...findingsOfText(query, "query"), ...findingsOfText(positive, "positive")];
    const isSame =
      findings.length === 0 && textKey(query.value as string) === textKey(positive.value as string);
    const same = warningAt(
      positive.place,
      "positive_is_query",
      "query and positive are the same text, which teaches nothing.",
      "Give a text that answers the query, or delete the row.",
    );
    return rowUnless(isSame ? [same] : findings, () => ({
      query: query.value as string,
      positive: positive.value as string,
      line,
    }));
  },
};

/** The same rows with a second text each. */
export function paired<R extends PairedText>(shape: RowShape<R>): RowShape<R> {
  return {
    keys: ["text", "text_pair", ...shape.keys.slice(1)],
    example: shape.example.replace('"..", ', '"..", "text_pair": "..", '),
    ...(shape.csv && {
      csv: { ...shape.csv, columns: ["text", "text_pair", ...shape.csv.columns.slice(1)] },
    }),
    check(line, field) {
      const pair = field("text_pair");
      const findings = findingsOfText(pair, "text_pair");
      const readings = shape.check(line, field);
      if (findings.some(({ kind }) => kind === "error"))
        return [...findings, ...readings.filter((reading): reading is Finding => reading.kind !== "row")];
      const withPair = readings.map((reading) =>
        reading.kind === "row"
          ? { ...reading, row: { ...reading.row, textPair: pair.value as string } }
          : reading,
      );
      return [...findings, ...withPair];
    },
  };
}

/** Past this no 32-bit float tells neighbouring values apart any more. */
const MAX_VALUE = 1e9;

function findingsOfValue({ value, place }: Field): Finding[] {
  if (value === undefined) {
    const hint = "Give every row a number, or delete the row.";
    return [errorAt(place, "value_missing", 'expected a "value", seen none.', hint)];
  }
  if (typeof value !== "number") {
    const seen = typeof value === "string" ? excerpt(value) : kindOf(value);
    const hint = 'Write a number without quotes and with a decimal point: "value": 4.5.';
    return [errorAt(place, "value_not_number", `expected "value" to be a number, seen ${seen}.`, hint)];
  }
  if (Math.abs(value) <= MAX_VALUE) return [];
  const seen = Number.isFinite(value) ? value : "one beyond what a number can hold";
  return [
    errorAt(
      place,
      "value_too_large",
      `expected a value of at most ${MAX_VALUE}, seen ${seen}.`,
      "Give it in a larger unit, or its logarithm.",
    ),
  ];
}

/** Labels of a cell stand between bars; an empty cell has none. */
function labelsOfCell(cell: string): unknown {
  return cell.trim() === "" ? [] : cell.split("|").map((label) => label.trim());
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function valueOfCell(cell: string): unknown {
  const written = cell.trim();
  return NUMBER.test(written) ? Number(written) : written === "" ? undefined : cell;
}
