import type { ClassificationReport, ScopeEvaluation } from "@kilotune/contract";
import { reliabilityChart } from "../charts/reliability.ts";
import { html, type Markup } from "../escape.ts";
import { count, fixed, percent } from "../format.ts";
import { scrollBox, section } from "./section.ts";

/** Whether "80 % sure" means right four times out of five. */
export function calibration({ calibration, evaluation, scope }: ClassificationReport): Markup {
  const filled = calibration.bins.filter((bin) => bin.rows > 0);
  const title = "Can its probabilities be believed?";
  if (filled.length === 0)
    return section(
      "calibration",
      title,
      html`<p>No rows were evaluated, so nothing is known about its probabilities.</p>`,
    );
  return section(
    "calibration",
    title,
    html`<div class="beside calibration">${reliabilityChart(calibration)}<div>
<p>${inWords(calibration.expectedCalibrationError)} The expected calibration error (ECE) over ${count(evaluation.rows)} rows is <strong>${percent(calibration.expectedCalibrationError)}</strong>: the mean distance of the dots from the diagonal, each weighed by its rows. Below the diagonal it is surer than it should be, above it too modest. Scores were divided by a temperature of ${fixed(calibration.temperature, 2)} fitted on held-out rows.</p>
${scrollBox(
  "Calibration bins",
  html`<table class="bins"><thead><tr><th scope="col" class="number">Says</th><th scope="col" class="number">Is right</th><th scope="col" class="number">Rows</th></tr></thead>
<tbody>${filled.map((bin) => html`<tr><td class="number">${percent(bin.confidence)}</td><td class="number">${percent(bin.accuracy)}</td><td class="number">${count(bin.rows)}</td></tr>`)}</tbody></table>`,
)}</div></div>${scope === undefined ? null : scopeWords(scope)}`,
  );
}

function scopeWords({ score, threshold, rows, auroc, kept, found }: ScopeEvaluation): Markup {
  const measured =
    auroc === null
      ? html`No rows of no label were at hand, so how many it finds isn't known.`
      : html`Against ${count(rows.outside)} rows of no label the area under the ROC curve (AUROC) is <strong>${fixed(auroc, 3)}</strong>; ${percent(found ?? 0)} of them are found.`;
  return html`<h3>What is none of the labels'</h3><p>An input whose ${score === "energy" ? "energy score" : "likeliest label's probability"} is below ${fixed(threshold, 3)} is called out of scope; held-out rows chose that. ${measured} Of ${count(rows.inScope)} rows that have a label ${percent(kept ?? 0)} are kept.</p>`;
}

// Thresholds by use: with 5 points of error a cut-off such as "below 70 %, ask a person" still does what it says.
function inWords(error: number): string {
  if (!Number.isFinite(error)) return "";
  if (error <= 0.05)
    return "Yes: its confidence can be used for a cut-off such as “below 70 %, ask a person”.";
  if (error <= 0.1) return "Roughly: choose cut-offs with some room.";
  return "No: use its ranking of the labels, not its percentages.";
}
