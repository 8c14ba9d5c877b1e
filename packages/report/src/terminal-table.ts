import { mainFigure, type Score } from "@kilotune/contract";
import { dash, percentRange } from "./format.ts";
import { clip, visible } from "./visible-text.ts";

/** What the terminal's tables are made of: columns of cells, padded to one width each. */

export interface TerminalOptions {
  /** false writes no escape sequence at all. */
  readonly color: boolean;
  /** Columns of the terminal; below 40 counts as 40. */
  readonly width: number;
}

export const gap = "   ";

export function padded(side: "padStart" | "padEnd", cells: readonly string[]): string[] {
  const width = Math.max(...cells.map((cell) => cell.length));
  return cells.map((cell) => cell[side](width));
}

export function tableWidth(shown: readonly (readonly string[])[]): number {
  return shown.reduce((sum, [head]) => sum + head!.length + gap.length, -gap.length);
}

export function shareOf(score: Score | null): number {
  return score === null ? Number.NaN : mainFigure(score).value;
}

export function intervalWords(score: Score | null): string {
  return score?.interval === undefined ? dash : percentRange(score.interval);
}

/** Strangers' text on one line, with no control character that could drive the terminal. */
export function oneLine(text: string, maxLength: number): string {
  return clip(visible(clip(text, maxLength)).replace(/\s+/g, " ").trim(), maxLength);
}

export type Style = "bold" | "dim" | "green" | "blue" | "yellow";
export type Paint = (style: Style, text: string) => string;

const codes: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  green: [32, 39],
  blue: [34, 39],
  yellow: [33, 39],
};

export function painter(color: boolean): Paint {
  return (style, text) => (color ? `\u001B[${codes[style][0]}m${text}\u001B[${codes[style][1]}m` : text);
}
