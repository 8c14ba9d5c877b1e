import type { ClassificationReport, CountedShare } from "@kilotune/contract";
import { type Content, html, type Markup } from "../escape.ts";
import { count, dash, percent, percentRange } from "../format.ts";
import { labelName } from "./label-name.ts";
import { scrollBox, section } from "./section.ts";

/** Each class against all others, as a test for it would be judged. */
export function screening({ evaluation }: ClassificationReport): Markup | null {
  const { screening } = evaluation;
  if (screening === undefined || screening.length === 0 || evaluation.rows === 0) return null;
  return section(
    "screening",
    "Each class against all others",
    html`<p>Sensitivity: of the images of the class, how many were called so. Specificity: of all others, how many were not. Below each its counts and its 95 % interval: few images leave much open.</p>`,
    scrollBox(
      "Sensitivity and specificity",
      html`<table class="classes"><thead><tr><th scope="col">Class</th><th scope="col" class="number">Sensitivity</th><th scope="col" class="number">Specificity</th></tr></thead>
<tbody>${screening.map(({ label, sensitivity, specificity }) => html`<tr><th scope="row">${labelName(label)}</th><td class="number">${counts(sensitivity)}</td><td class="number">${counts(specificity)}</td></tr>`)}</tbody></table>`,
    ),
  );
}

function counts({ right, of, interval }: CountedShare): Content {
  return of === 0
    ? dash
    : html`${percent(right / of)} <small>${count(right)} of ${count(of)}, ${percentRange(interval)}</small>`;
}
