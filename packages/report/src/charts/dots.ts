import { type CrossValidated, mainFigure, type Score } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { isFiniteScore } from "../figure-title.ts";
import { niceScale, position, type Scale } from "./scale.ts";

/**
 * The axis for a column of shares, with round ends inside 0..1. Scores that are far worse than the rest (majority at
 * 8 % beside 90 %) would squeeze every interesting difference into a few pixels, so the axis may leave them out on the
 * left; `whiskerRow` draws an arrow for them.
 */
export function accuracyAxis(scores: readonly Score[]): Scale {
  const known = scores.filter(isFiniteScore).map(mainFigure);
  const best = Math.max(...known.map(({ value }) => value));
  const near = known.filter(({ value }) => value >= best / 2);
  const scale = niceScale(near.length === 0 ? [0, 1] : near.flatMap((score) => score.interval), 4);
  const ticks = scale.ticks.filter((tick) => tick >= 0 && tick <= 1);
  return { ...scale, min: Math.max(0, scale.min), max: Math.min(1, scale.max), ticks };
}

const rowHeight = 54;

/**
 * One row of a dot-and-whisker plot: held-out above (hollow), test below (filled). The width is the column's: horizontal
 * places are percentages, so that dots and strokes keep their size on every screen. The numbers stand in the same table
 * row, hence hidden from screen readers.
 */
export function whiskerRow(axis: Scale, heldOut: Score | null, test: Score | null): Markup {
  const both = heldOut !== null && test !== null;
  return html`<svg class="whiskers" width="100%" height="${rowHeight}" aria-hidden="true">
${axis.ticks.map((tick) => html`<line class="grid" x1="${percentAt(axis, tick)}" x2="${percentAt(axis, tick)}" y1="0" y2="${rowHeight}"/>`)}
${whisker(axis, heldOut, "held-out", both ? 19 : rowHeight / 2)}${whisker(axis, test, "test", both ? 36 : rowHeight / 2)}
</svg>`;
}

/**
 * One candidate's folds as dots, and a standard deviation to either side of their mean as a line; an arrow for what lies left
 * of the axis.
 */
export function foldsRow(axis: Scale, { scores, mean, deviation }: CrossValidated): Markup {
  const [y, height] = [13, 26];
  const known = scores.filter((score) => score !== null && isFiniteScore(score)) as Score[];
  const values = known.map((score) => mainFigure(score).value);
  const spread = Number.isFinite(deviation) ? deviation : 0;
  const [low, middle, high] = [mean - spread, mean, mean + spread].map((value) => percentAt(axis, value));
  return html`<svg class="whiskers" width="100%" height="${height}" aria-hidden="true">
${axis.ticks.map((tick) => html`<line class="grid" x1="${percentAt(axis, tick)}" x2="${percentAt(axis, tick)}" y1="0" y2="${height}"/>`)}
${
  mean >= axis.min
    ? html`<g class="whisker held-out"><line x1="${low}" x2="${high}" y1="${y}" y2="${y}"/><line x1="${middle}" x2="${middle}" y1="${y - 9}" y2="${y + 9}"/></g>`
    : null
}<g class="whisker test">${values.filter((value) => value >= axis.min).map((value) => html`<circle cx="${percentAt(axis, value)}" cy="${y}" r="3.5"/>`)}</g>
${values.some((value) => value < axis.min) ? html`<path class="off-axis test" d="M9 ${y - 4} L2 ${y} L9 ${y + 4}"/>` : null}</svg>`;
}

/** The axis of the column: tick labels above the rows. */
export function whiskerAxis(axis: Scale): Markup {
  const digits = Math.max(0, axis.digits - 2);
  return html`<svg class="whiskers" width="100%" height="22" aria-hidden="true">
${axis.ticks.map((tick) => html`<text class="tick" x="${percentAt(axis, tick)}" y="14" text-anchor="middle">${`${(tick * 100).toFixed(digits)} %`}</text><line class="axis" x1="${percentAt(axis, tick)}" x2="${percentAt(axis, tick)}" y1="18" y2="22"/>`)}
</svg>`;
}

function whisker(axis: Scale, score: Score | null, series: string, y: number): Markup | null {
  if (score === null || !isFiniteScore(score)) return null;
  const { value, interval } = mainFigure(score);
  if (value < axis.min) return html`<path class="off-axis ${series}" d="M9 ${y - 4} L2 ${y} L9 ${y + 4}"/>`;
  const [low, high] = interval.map((end) => percentAt(axis, end)) as [string, string];
  return html`<g class="whisker ${series}"><line x1="${low}" x2="${high}" y1="${y}" y2="${y}"/><line x1="${low}" x2="${low}" y1="${y - 4}" y2="${y + 4}"/><line x1="${high}" x2="${high}" y1="${y - 4}" y2="${y + 4}"/><circle cx="${percentAt(axis, value)}" cy="${y}" r="4.5"/></g>`;
}

function percentAt(axis: Scale, value: number): string {
  const clamped = Math.min(1, Math.max(0, position(axis, value)));
  return `${(clamped * 100).toFixed(2)}%`;
}
