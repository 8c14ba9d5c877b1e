import type { ClassificationReport, CountedShare, DetectionEvaluation, Screening } from "@kilotune/contract";
import { type Content, html, type Markup } from "../escape.ts";
import { count, dash, fixed, percent, percentRange } from "../format.ts";
import { labelName } from "./label-name.ts";
import { scrollBox, section } from "./section.ts";

/** Each class against all others, as a test for it would be judged. */
export function screening({ evaluation }: ClassificationReport): Markup | null {
  return ofImages(
    evaluation,
    "Each class against all others",
    "Sensitivity: of the images of the class, how many were called so. Specificity: of all others, how many were not.",
  );
}

/** Whether an image has any object of a class, as a test for that would be judged. */
export function screeningOfObjects(evaluation: DetectionEvaluation): Markup | null {
  return ofImages(
    evaluation,
    "Image by image: is there any?",
    `Sensitivity: of the images that have an object of the class, in how many one was answered. Specificity: of all others, in how many none was. From the score ${fixed(evaluation.threshold, 2)} on.`,
  );
}

function ofImages(
  { screening, rows }: { readonly screening?: readonly Screening[]; readonly rows: number },
  title: string,
  words: string,
): Markup | null {
  if (screening === undefined || screening.length === 0 || rows === 0) return null;
  return section(
    "screening",
    title,
    html`<p>${words} Below each its counts and its 95 % interval: few images leave much open.</p>`,
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
