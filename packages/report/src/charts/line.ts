import { html, type Markup } from "../escape.ts";
import { position, type Scale } from "./scale.ts";

export interface LineChart {
  readonly title: string;
  /** One sentence for a person who can't see the chart. */
  readonly description: string;
  /** A class that sets the colour and the dash: "loss", "accuracy", "rate". */
  readonly series: string;
  readonly xLabel: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly format: (y: number) => string;
  /** Draws a vertical line here, e.g. at the epoch that was kept. */
  readonly mark: number | null;
}

/** Sized for a phone: panels of about this width stand side by side on a wide page, so letters keep their size. */
const width = 340;
const height = 212;
const plot = { left: 52, right: width - 14, top: 12, bottom: height - 40 };

/** A line over a counted axis. A point that isn't finite leaves a gap; a point without neighbours is drawn as a dot. */
export function lineChart(chart: LineChart): Markup {
  const x = (value: number) => plot.left + position(chart.x, value) * (plot.right - plot.left);
  const y = (value: number) => plot.bottom - position(chart.y, value) * (plot.bottom - plot.top);
  const runs = unbrokenRuns(chart.points);
  const dots = chart.points.length <= 40 ? runs.flat() : runs.filter((run) => run.length === 1).flat();
  return html`<svg class="chart line-chart" viewBox="0 0 ${width} ${height}" role="img">
<title>${chart.title}</title><desc>${chart.description}</desc>
${chart.y.ticks.map((tick) => {
  const at = y(tick).toFixed(1);
  return html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/><text class="tick" x="${plot.left - 8}" y="${at}" dy="0.35em" text-anchor="end">${chart.format(tick)}</text>`;
})}
${chart.x.ticks.map((tick) => {
  const at = x(tick).toFixed(1);
  return html`<line class="axis" x1="${at}" x2="${at}" y1="${plot.bottom}" y2="${plot.bottom + 4}"/><text class="tick" x="${at}" y="${plot.bottom + 17}" text-anchor="middle">${tick}</text>`;
})}
<line class="axis" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>
<text class="axis-label" x="${(plot.left + plot.right) / 2}" y="${height - 5}" text-anchor="middle">${chart.xLabel}</text>
${chart.mark === null ? null : html`<line class="mark" x1="${x(chart.mark).toFixed(1)}" x2="${x(chart.mark).toFixed(1)}" y1="${plot.top}" y2="${plot.bottom}"/>`}
${runs.map((run) => html`<polyline class="series ${chart.series}" points="${run.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`).join(" ")}"/>`)}
${dots.map((p) => html`<circle class="dot ${chart.series}" cx="${x(p.x).toFixed(1)}" cy="${y(p.y).toFixed(1)}" r="${p.x === chart.mark ? 4 : 2.5}"><title>${`${chart.xLabel} ${p.x}: ${chart.format(p.y)}`}</title></circle>`)}
</svg>`;
}

function unbrokenRuns<P extends { readonly x: number; readonly y: number }>(points: readonly P[]): P[][] {
  const runs: P[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point.x) && Number.isFinite(point.y)) runs.at(-1)!.push(point);
    else runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}
