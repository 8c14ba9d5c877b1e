import type { LabelCurve } from "@kilotune/contract";
import { precisionRecallChart } from "../charts/precision-recall.ts";
import { html, type Markup } from "../escape.ts";
import { counted, percent } from "../format.ts";
import { labelName } from "./label-name.ts";
import { section } from "./section.ts";

const mostCurves = 12;

/** Precision over recall of each label's score, the worst first. */
export function curvesOfLabels(curves: readonly LabelCurve[] = []): Markup | null {
  if (curves.length === 0) return null;
  const shown = curves
    .map((each, at) => ({ ...each, at }))
    .sort((a, b) => a.averagePrecision - b.averagePrecision)
    .slice(0, mostCurves);
  const left = curves.length - shown.length;
  return section(
    "curves",
    "Precision and recall",
    html`<p>Going down the scores of a label more of its rows are found (to the right), and more of what is found is another’s (downwards). ${left > 0 ? html`The worst of ${counted(curves.length, "label")}.` : null}</p>
<div class="panels small">${shown.map(
      ({ label, at, averagePrecision, curve }) =>
        html`<figure><figcaption>${labelName(label)}<small>average precision ${percent(averagePrecision)}</small></figcaption>${precisionRecallChart(curve, at, `Precision over recall of ${label}`)}</figure>`,
    )}</div>`,
  );
}
