import type { Candidate, Score, TuneReport } from "@kilotune/contract";
import { bytes, counted, dash, duration, percent, percentRange } from "./format.ts";
import { methodWords, type Tone, verdictHeadline } from "./verdict-words.ts";
import { clip, visible } from "./visible-text.ts";

export interface TerminalOptions {
  /** false writes no escape sequence at all. */
  readonly color: boolean;
  /** Columns of the terminal; below 40 counts as 40. */
  readonly width: number;
}

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
    "",
    ...wrap(`Published: ${methodWords(report)}, ${bytes(report.prompt.sizeBytes)}`, columns),
    // A path is copied whole: it may run past the edge, but it is never cut.
    `File: ${visible(report.prompt.path).replace(/\s/g, " ")}`,
    ...wrap(timingWords(report), columns),
  ]
    .join("\n")
    .replaceAll("\u00A0", " ");
}

function candidateTable(report: TuneReport, columns: number, paint: Paint): string[] {
  const { candidates, data } = report;
  const tested = data.testRows > 0;
  const score = (candidate: Candidate) => (tested ? candidate.test : candidate.heldOut);
  const titles = candidates.map(({ title }) => oneLine(title, 24));
  const rows = `on ${counted(tested ? data.testRows : data.heldOut.rows, tested ? "test row" : "held-out row")}`;
  const titleWidth = Math.max(rows.length, ...titles.map((title) => title.length));
  const showHeldOut = tested && columns >= 72;
  // Two columns before the title, then cells of fixed width: accuracy 9, interval 14, held-out 11, size 11.
  const barWidth = Math.min(40, columns - 2 - titleWidth - 2 - 9 - 14 - (showHeldOut ? 11 : 0) - 11);
  const showBar = barWidth >= 8;
  const showSize = showBar || columns >= 2 + titleWidth + 9 + 14 + 11;
  const line = (marker: string, title: string, bar: string, cells: readonly string[]) => {
    const [accuracy, interval, heldOut, size] = cells as [string, string, string, string];
    const head = `${marker} ${title.padEnd(titleWidth)}${showBar ? `  ${bar}` : ""}`;
    return `${head}${accuracy.padStart(9)}${interval.padStart(14)}${showHeldOut ? heldOut.padStart(11) : ""}${showSize ? size.padStart(11) : ""}`;
  };
  const header = line(" ", rows, " ".repeat(Math.max(0, barWidth)), [
    "accuracy",
    "95 % from–to",
    "held-out",
    "size",
  ]);
  return [
    paint("dim", header),
    ...candidates.map((candidate, i) => {
      const shown = score(candidate);
      const text = line(candidate.published ? "▸" : " ", titles[i]!, bar(shown, barWidth), [
        percent(shown?.accuracy ?? Number.NaN),
        shown === null ? dash : percentRange(shown.interval),
        percent(candidate.heldOut?.accuracy ?? Number.NaN),
        bytes(candidate.sizeBytes),
      ]);
      return candidate.published ? paint("green", text) : text;
    }),
  ];
}

/** Full blocks up to the interval's low end, fading through the interval. */
function bar(score: Score | null, width: number): string {
  if (width <= 0) return "";
  if (score === null || ![score.accuracy, ...score.interval].every(Number.isFinite)) return " ".repeat(width);
  const cell = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * width);
  const [low, middle, high] = [cell(score.interval[0]), cell(score.accuracy), cell(score.interval[1])];
  return "█".repeat(low).padEnd(middle, "▓").padEnd(high, "░").padEnd(width, " ");
}

function timingWords({ timings }: TuneReport): string {
  const total = timings.reduce((sum, { seconds }) => sum + seconds, 0);
  const parts = timings.map(({ name, seconds }) => `${oneLine(name, 30)} ${duration(seconds)}`);
  return `Time: ${[...parts, `${duration(total)} in all`].join(" · ")}`;
}

/** Strangers' text on one line, with no control character that could drive the terminal. */
function oneLine(text: string, maxLength: number): string {
  return clip(visible(clip(text, maxLength)).replace(/\s+/g, " ").trim(), maxLength);
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

type Style = "bold" | "dim" | "green" | "blue" | "yellow";
type Paint = (style: Style, text: string) => string;

const toneColors: Readonly<Record<Tone, Style>> = { pays: "green", unclear: "blue", doesNotPay: "yellow" };
const codes: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  green: [32, 39],
  blue: [34, 39],
  yellow: [33, 39],
};

function painter(color: boolean): Paint {
  return (style, text) => (color ? `\u001B[${codes[style][0]}m${text}\u001B[${codes[style][1]}m` : text);
}
