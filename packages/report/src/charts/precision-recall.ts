import { classColour } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { clip } from "../visible-text.ts";

/** Precision over recall of one class, both from 0 to 1. @param curve precision at a recall of 0, 0.01 .. 1 */
export function precisionRecallChart(curve: readonly number[], label: number, description: string): Markup {
  const points = curve
    .map((precision, at) => [at / Math.max(1, curve.length - 1), precision] as const)
    .filter(([, precision]) => Number.isFinite(precision) && precision >= 0 && precision <= 1);
  const place = (recall: number, precision: number) =>
    `${(LEFT + recall * SIDE).toFixed(1)} ${(TOP + (1 - precision) * SIDE).toFixed(1)}`;
  const path = points
    .map(([recall, precision], at) => `${at === 0 ? "M" : "L"}${place(recall, precision)}`)
    .join("");
  const ticks = [0, 0.5, 1];
  return html`<svg class="chart" viewBox="0 0 ${LEFT + SIDE + 12} ${TOP + SIDE + 34}" role="img"><title>${clip(description, 120)}</title><desc>${clip(description, 200)}</desc>
${ticks.map((tick) => html`<line class="grid" x1="${LEFT}" x2="${LEFT + SIDE}" y1="${TOP + (1 - tick) * SIDE}" y2="${TOP + (1 - tick) * SIDE}"/><text class="tick" x="${LEFT - 5}" y="${TOP + (1 - tick) * SIDE + 4}" text-anchor="end">${tick}</text><text class="tick" x="${LEFT + tick * SIDE}" y="${TOP + SIDE + 15}" text-anchor="middle">${tick}</text>`)}
<path class="series" stroke="${classColour(label)}" d="${path}"/>
<text class="axis-label" x="${LEFT + SIDE / 2}" y="${TOP + SIDE + 31}" text-anchor="middle">recall</text>
</svg>`;
}

const SIDE = 150;
const LEFT = 30;
const TOP = 8;
