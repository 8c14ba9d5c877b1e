import type { Calibration, ClassificationReport, ScopeEvaluation } from "@kilotune/contract";
import { reliabilityChart } from "../charts/reliability.ts";
import { type Content, html, type Markup } from "../escape.ts";
import { count, counted, fixed, percent } from "../format.ts";
import { scrollBox, section } from "./section.ts";

/** Whether "80 % sure" means right four times out of five. */
export function calibration({ calibration, evaluation, scope }: ClassificationReport): Markup {
  if (!calibration.bins.some((bin) => bin.rows > 0))
    return section(
      "calibration",
      "Can its probabilities be believed?",
      html`<p>No rows were evaluated, so nothing is known about its probabilities.</p>`,
    );
  return believed({
    title: "Can its probabilities be believed?",
    calibration,
    one: "row",
    rows: evaluation.rows,
    about: dividedBy(calibration.temperature),
    ...(scope && { more: scopeWords(scope) }),
  });
}

/** Of pixels: whether a class that is said with 80 % is right four times out of five. */
export function calibrationOfPixels(calibration: Calibration | null | undefined): Markup | null {
  if (!calibration || calibration.bins.length === 0) return null;
  return believed({
    title: "Can its probabilities be believed?",
    calibration,
    one: "pixel",
    rows: sumOf(calibration),
    about: html`${dividedBy(calibration.temperature)} Some pixels of each image were asked, far apart; those of one image resemble each other.`,
  });
}

/** Of answered boxes: whether a score is the share of answers that are an object. */
export function calibrationOfBoxes(calibration: Omit<Calibration, "temperature"> | null): Markup | null {
  if (calibration === null || calibration.bins.length === 0) return null;
  return believed({
    title: "Can its scores be believed?",
    calibration,
    one: "answer",
    rows: sumOf(calibration),
    about:
      "Counted are all answers from the score 0.05 on; right is one that overlaps an object of its class by half.",
  });
}

interface Believed {
  readonly title: string;
  readonly calibration: Omit<Calibration, "temperature">;
  /** What is counted, e.g. "row". */
  readonly one: string;
  readonly rows: number;
  readonly about: Content;
  readonly more?: Content;
}

function believed({ title, calibration, one, rows, about, more }: Believed): Markup {
  const filled = calibration.bins.filter((bin) => bin.rows > 0);
  return section(
    "calibration",
    title,
    html`<div class="beside calibration">${reliabilityChart(calibration, one)}<div>
<p>${inWords(calibration.expectedCalibrationError)} The expected calibration error (ECE) over ${counted(rows, one)} is <strong>${percent(calibration.expectedCalibrationError)}</strong>: the mean distance of the dots from the diagonal, each weighed by its ${one}s. Below the diagonal it is surer than it should be, above it too modest. ${about}</p>
${scrollBox(
  "Calibration bins",
  html`<table class="bins"><thead><tr><th scope="col" class="number">Says</th><th scope="col" class="number">Is right</th><th scope="col" class="number">${one.charAt(0).toUpperCase()}${one.slice(1)}s</th></tr></thead>
<tbody>${filled.map((bin) => html`<tr><td class="number">${percent(bin.confidence)}</td><td class="number">${percent(bin.accuracy)}</td><td class="number">${count(bin.rows)}</td></tr>`)}</tbody></table>`,
)}</div></div>${more ?? null}`,
  );
}

function dividedBy(temperature: number): string {
  return `Scores were divided by a temperature of ${fixed(temperature, 2)} fitted on held-out rows.`;
}

function sumOf({ bins }: Pick<Calibration, "bins">): number {
  return bins.reduce((sum, { rows }) => sum + rows, 0);
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
