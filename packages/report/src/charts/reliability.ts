import type { Calibration } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { counted, percent } from "../format.ts";

const size = 340;
const plot = { left: 52, right: size - 12, top: 12, bottom: size - 46 };
const ticks = [0, 0.25, 0.5, 0.75, 1];

/**
 * Reliability diagram: what the prompt said about its own certainty against how often it was right. A dot's area follows
 * the rows in its bin, the stem is the bin's distance from perfect calibration.
 *
 * @param one what a row is, e.g. "pixel"
 */
export function reliabilityChart(
  { bins, expectedCalibrationError }: Omit<Calibration, "temperature">,
  one: string,
): Markup {
  const x = (share: number) => plot.left + clamp(share) * (plot.right - plot.left);
  const y = (share: number) => plot.bottom - clamp(share) * (plot.bottom - plot.top);
  const filled = bins.filter(
    (bin) => bin.rows > 0 && [bin.rows, bin.confidence, bin.accuracy].every(Number.isFinite),
  );
  const largest = filled.reduce((most, bin) => Math.max(most, bin.rows), 1);
  return html`<svg class="chart reliability" viewBox="0 0 ${size} ${size}" role="img">
<title>Calibration plot</title><desc>Stated confidence against observed accuracy in ${counted(filled.length, "bin")}; the expected calibration error is ${percent(expectedCalibrationError)}.</desc>
${ticks.map(
  (tick) =>
    html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/><line class="grid" x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${plot.top}" y2="${plot.bottom}"/><text class="tick" x="${plot.left - 8}" y="${y(tick).toFixed(1)}" dy="0.35em" text-anchor="end">${percent(tick, 0)}</text><text class="tick" x="${x(tick).toFixed(1)}" y="${plot.bottom + 17}" text-anchor="middle">${tick * 100}</text>`,
)}
<line class="ideal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>
${filled.map((bin) => {
  const [cx, cy] = [x(bin.confidence).toFixed(1), y(bin.accuracy).toFixed(1)];
  const radius = (3 + 9 * Math.sqrt(bin.rows / largest)).toFixed(1);
  return html`<line class="stem" x1="${cx}" x2="${cx}" y1="${cy}" y2="${y(bin.confidence).toFixed(1)}"/><circle class="bin" cx="${cx}" cy="${cy}" r="${radius}"><title>${`said ${percent(bin.confidence)}, was right ${percent(bin.accuracy)} of ${counted(bin.rows, one)}`}</title></circle>`;
})}
<text class="axis-label" x="${(plot.left + plot.right) / 2}" y="${size - 8}" text-anchor="middle">stated confidence, %</text>
<text class="axis-label" transform="translate(11 ${(plot.top + plot.bottom) / 2}) rotate(-90)" text-anchor="middle">observed accuracy</text>
</svg>`;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
