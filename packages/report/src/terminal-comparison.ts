import { bestCompared, type ComparedMethod, type Score } from "@kilotune/contract";
import { bytes, count, counted, dash, duration, percent } from "./format.ts";
import { comparedTitle } from "./compared-title.ts";
import {
  gap,
  intervalWords,
  oneLine,
  padded,
  painter,
  shareOf,
  type TerminalOptions,
  tableWidth,
} from "./terminal-table.ts";

/**
 * Methods side by side, for a terminal: one line each, the best on held-out rows marked; what it reaches and what it costs in
 * two tables where one is too wide. Ends without a line feed.
 */
export function terminalComparison(
  methods: readonly ComparedMethod[],
  { color, width }: TerminalOptions,
): string {
  const paint = painter(color);
  const best = bestCompared(methods);
  const testRows = methods.find(({ test }) => test !== null)?.test?.rows ?? 0;
  const folds = methods.find(({ crossValidated }) => crossValidated)?.crossValidated;
  const rows = [
    ...(testRows > 0 || !folds ? [counted(testRows, "test row")] : []),
    ...(folds ? [`${counted(folds.rows, "row")} in ${folds.folds} folds`] : []),
  ];
  const column = (side: "padStart" | "padEnd", head: string, cell: (method: ComparedMethod) => string) =>
    padded(side, [head, ...methods.map(cell)]);
  const names = column(
    "padEnd",
    `  on ${rows.join(", ")}`,
    (one) => `${one === best ? "▸" : " "} ${oneLine(comparedTitle(one), 60)}`,
  );
  const figures = (head: string, of: (method: ComparedMethod) => Score | null) => [
    column("padStart", head, (method) => percent(shareOf(of(method)))),
    column("padStart", "95 % from–to", (method) => intervalWords(of(method))),
  ];
  const reached = [
    ...(testRows > 0 || !folds ? figures(folds ? "test" : "accuracy", ({ test }) => test) : []),
    ...(folds
      ? figures(testRows > 0 ? "folds" : "accuracy", ({ crossValidated = null }) => crossValidated)
      : []),
    column("padStart", "held-out", ({ heldOut }) => percent(shareOf(heldOut))),
  ];
  const costs = [
    column("padStart", "trained", ({ trainableParameters }) => count(trainableParameters)),
    column("padStart", "stored", ({ sizeBytes }) => bytes(sizeBytes)),
    column("padStart", "tuning", ({ seconds }) => duration(seconds)),
    column("padStart", "switch", ({ switchSeconds }) =>
      switchSeconds === null ? dash : duration(switchSeconds),
    ),
  ];
  const whole = [names, ...reached, ...costs];
  const tables =
    tableWidth(whole) <= width
      ? [whole]
      : [
          [names, ...reached],
          [names, ...costs],
        ];
  return tables
    .map((columns) =>
      names
        .map((_, row) => columns.map((cells) => cells[row]).join(gap))
        .map((line, row) => {
          if (row === 0) return paint("dim", line);
          return methods[row - 1] === best ? paint("green", line) : line;
        })
        .join("\n"),
    )
    .join("\n\n")
    .replaceAll("\u00A0", " ");
}
