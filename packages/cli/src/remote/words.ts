import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";

/** Rows below each other, or a word for none. Cells may be strangers' text. */
export function rowsOr(none: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return none;
  return table(rows.map((row) => row.map((cell) => oneLine(cell, 200)))).join("\n");
}

/** An object of the API, a field a line; what it hasn't is left out. */
export function fields(object: object): string {
  const rows = Object.entries(object).flatMap(([name, value]) => {
    if (value === null || value === undefined || name === "object") return [];
    const text = name.endsWith("_at") || name === "created" ? moment(value) : textOf(value);
    return text === "" ? [] : [[name, oneLine(text, 300)]];
  });
  return table(rows).join("\n");
}

/** 1764079380 -> "2025-11-25 14:03 UTC". */
export function moment(unixSeconds: unknown): string {
  const date = new Date(1000 * Number(unixSeconds));
  if (Number.isNaN(date.getTime())) return String(unixSeconds);
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const isEmpty = Object.keys(value).length === 0;
  return isEmpty ? "" : JSON.stringify(value);
}
