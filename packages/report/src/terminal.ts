import { type Candidate, mainFigure, type Score, type TuneReport } from "@kilotune/contract";
import { figureTitles, isFiniteScore } from "./figure-title.ts";
import { bytes, counted, duration, fixed, percent } from "./format.ts";
import {
  gap,
  intervalWords,
  oneLine,
  type Paint,
  padded,
  painter,
  type Style,
  shareOf,
  type TerminalOptions,
  tableWidth,
} from "./terminal-table.ts";
import { methodWords, type Tone, verdictHeadline } from "./verdict-words.ts";
import { clip, visible } from "./visible-text.ts";

/**
 * The end of a job, for a terminal: verdict, one line a candidate with a bar and its interval, the file, the time.
 * Ends without a line feed.
 */
export function terminalSummary(report: TuneReport, { color, width }: TerminalOptions): string {
  const columns = Math.max(40, Math.floor(width) || 40);
  const paint = painter(color);
  const { tone, words } = verdictHeadline(report);
  return [
    paint("dim", oneLine(report.title, columns)),
    ...wrap(words, columns).map((line) => paint("bold", paint(toneColors[tone], line))),
    ...wrap(oneLine(report.verdict.words, 800), columns),
    "",
    ...candidateTable(report, columns, paint),
    ...foldLines(report, columns),
    "",
    ...wrap(`Published: ${methodWords(report)}, ${bytes(report.prompt.sizeBytes)}`, columns),
    // A path is copied whole: it may run past the edge, but it is never cut.
    `File: ${visible(report.prompt.path).replace(/\s/g, " ")}`,
    ...wrap(timingWords(report), columns),
  ]
    .join("\n")
    .replaceAll("\u00A0", " ");
}

function candidateTable({ candidates, data }: TuneReport, columns: number, paint: Paint): string[] {
  const tested = data.testRows > 0;
  const score = (candidate: Candidate) => (tested ? candidate.test : candidate.heldOut);
  const rows = counted(tested ? data.testRows : data.heldOut.rows, tested ? "test row" : "held-out row");
  const column = (head: string, cell: (candidate: Candidate) => string) => [head, ...candidates.map(cell)];
  const nameLength = Math.min(24, columns - 28);
  const name = padded("padEnd", [
    clip(`  on ${rows}`, nameLength + 2),
    ...candidates.map(({ title, published }) => `${published ? "▸" : " "} ${oneLine(title, nameLength)}`),
  ]);
  const accuracy = padded(
    "padStart",
    column(figureTitles({ candidates }).main, (one) => percent(shareOf(score(one)))),
  );
  const interval = padded(
    "padStart",
    column("95 % from–to", (one) => intervalWords(score(one))),
  );
  const heldOut = padded(
    "padStart",
    column("held-out", (one) => percent(shareOf(one.heldOut))),
  );
  const size = padded(
    "padStart",
    column("size", (one) => bytes(one.sizeBytes)),
  );

  let shown = tested ? [name, accuracy, interval, heldOut, size] : [name, accuracy, interval, size];
  // On a narrow terminal the bar gives way first, then the held-out accuracy, then the size.
  for (const optional of [heldOut, size]) {
    if (tableWidth(shown) > columns) shown = shown.filter((cells) => cells !== optional);
  }
  const room = Math.min(40, columns - tableWidth(shown) - gap.length);
  if (room >= 8)
    shown.splice(
      1,
      0,
      column(" ".repeat(room), (one) => bar(score(one), room)),
    );

  const [head, ...lines] = name.map((_, i) => shown.map((cells) => cells[i]).join(gap));
  return [
    paint("dim", head!.trimEnd()),
    ...lines.map((line, i) => (candidates[i]!.published ? paint("green", line) : line)),
  ];
}

/** Mean and deviation of the folds, of each candidate. */
function foldLines({ crossValidation }: TuneReport, columns: number): string[] {
  if (crossValidation === undefined) return [];
  const { folds, candidates } = crossValidation;
  const figures = candidates.map(
    ({ title, mean, deviation }) => `${oneLine(title, 40)} ${percent(mean)} ± ${fixed(100 * deviation, 1)}`,
  );
  return ["", ...wrap(`Cross-validation, mean of ${folds.length} folds: ${figures.join("; ")}`, columns)];
}

/** Full blocks up to the interval's low end, fading through the interval. */
function bar(score: Score | null, width: number): string {
  if (score === null || !isFiniteScore(score)) return " ".repeat(width);
  const { value, interval } = mainFigure(score);
  const cell = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * width);
  const [low, middle, high] = [cell(interval[0]), cell(value), cell(interval[1])];
  return "█".repeat(low).padEnd(middle, "▓").padEnd(high, "░").padEnd(width, " ");
}

function timingWords({ timings }: TuneReport): string {
  const total = timings.reduce((sum, { seconds }) => sum + seconds, 0);
  const parts = timings.map(({ name, seconds }) => `${oneLine(name, 30)} ${duration(seconds)}`);
  return `Time: ${[...parts, `${duration(total)} in all`].join(" · ")}`;
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  // Only plain blanks break: a no-break space holds a number and its unit together.
  for (const word of text.replace(/(\d) %/g, "$1\u00A0%").split(/ +/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const toneColors: Readonly<Record<Tone, Style>> = { pays: "green", unclear: "blue", doesNotPay: "yellow" };
