import { classColour, type MeanShare, type SegmentationEvaluation } from "@kilotune/contract";
import { overlay } from "../charts/overlay.ts";
import { type Content, html, type Markup } from "../escape.ts";
import { counted, dash, fixed, percent, percentRange } from "../format.ts";
import { shownPictures } from "../picture.ts";
import { clip } from "../visible-text.ts";
import { calibrationOfPixels } from "./calibration.ts";
import { labelName } from "./label-name.ts";
import { scrollBox, section } from "./section.ts";

/** How well each class's pixels were found, and the images with the worst answers. */
export function segmentation(evaluation: SegmentationEvaluation): (Markup | null)[] {
  return [classesOfPixels(evaluation), examples(evaluation), calibrationOfPixels(evaluation.calibration)];
}

function classesOfPixels(evaluation: SegmentationEvaluation): Markup {
  const { rows, meanIou, meanDice, pixelAccuracy, boundaryF1, perClass } = evaluation;
  const title = "Class by class, over all pixels";
  if (rows === 0) return section("classes", title, html`<p>No image was evaluated.</p>`);
  return section(
    "classes",
    title,
    html`<p>Mean IoU <strong>${percent(meanIou)}</strong>, mean Dice ${percent(meanDice)}, ${percent(pixelAccuracy)} of pixels right${boundaryF1 === null ? null : html`, boundary F1 ${fixed(boundaryF1, 3)}`}, on ${counted(rows, "image")}. IoU: shared pixels over joined ones. Sensitivity: of the class's pixels, how many were found; specificity: of the others, how many were left alone. Pixels of one image resemble each other, so the 95 % intervals are those of drawing other images.</p>`,
    scrollBox(
      "Scores of classes",
      html`<table class="classes"><thead><tr><th scope="col">Class</th><th scope="col" class="number">IoU</th><th scope="col" class="number">Dice</th><th scope="col" class="number">Boundary F1</th><th scope="col" class="number">Sensitivity</th><th scope="col" class="number">Specificity</th></tr></thead>
<tbody>${perClass.map(
        ({ label, iou, dice, boundaryF1: edge, sensitivity, specificity }) =>
          html`<tr><th scope="row">${labelName(label)}</th><td class="number strong">${share(iou)}</td><td class="number">${share(dice)}</td><td class="number">${edge === null ? dash : fixed(edge, 3)}</td><td class="number">${meanShare(sensitivity)}</td><td class="number">${meanShare(specificity)}</td></tr>`,
      )}</tbody></table>`,
    ),
  );
}

function examples({ examples, labels }: SegmentationEvaluation): Markup {
  const shown = shownPictures(examples);
  const title = "Images with the worst answers";
  if (shown.length === 0) return section("examples", title, html`<p>There is no picture to show.</p>`);
  return section(
    "examples",
    title,
    html`<p class="legend">${labels.slice(1, 9).map((label, at) => html`<span><svg width="14" height="12" aria-hidden="true"><rect width="14" height="12" fill="${classColour(at + 1)}"/></svg> ${labelName(label)}</span> `)}<span>coloured: as answered; dashed: as labelled</span></p>
<div class="pictures">${shown.map(
      ({ name, picture, score, truth, answer }) =>
        html`<figure>${overlay(picture, { truth: { outlines: truth }, answer: { outlines: answer } }, `${name}: mean IoU ${percent(score)}`)}<figcaption><bdi>${clip(name, 60)}</bdi><small>mean IoU ${percent(score)}</small></figcaption></figure>`,
    )}</div>`,
  );
}

function share(value: number | null): Content {
  return value === null ? dash : percent(value);
}

function meanShare(value: MeanShare | null): Content {
  return value === null ? dash : html`${percent(value.value)} <small>${percentRange(value.interval)}</small>`;
}
