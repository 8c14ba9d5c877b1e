import { bestCompared, type ComparedMethod } from "@kilotune/contract";
import { bytes, count, counted, dash, duration, percent } from "./format.ts";
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
  const column = (side: "padStart" | "padEnd", head: string, cell: (method: ComparedMethod) => string) =>
    padded(side, [head, ...methods.map(cell)]);
  const names = column(
    "padEnd",
    `  on ${counted(testRows, "test row")}`,
    (one) => `${one === best ? "▸" : " "} ${oneLine(one.title, 40)}`,
  );
  const reached = [
    column("padStart", "accuracy", ({ test }) => percent(shareOf(test))),
    column("padStart", "95 % from–to", ({ test }) => intervalWords(test)),
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
