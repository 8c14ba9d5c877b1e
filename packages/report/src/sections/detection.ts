import { classColour, type CountedShare, type DetectionEvaluation } from "@kilotune/contract";
import { overlay } from "../charts/overlay.ts";
import { precisionRecallChart } from "../charts/precision-recall.ts";
import { type Content, html, type Markup } from "../escape.ts";
import { count, counted, dash, fixed, percent, percentRange } from "../format.ts";
import { shownPictures } from "../picture.ts";
import { clip } from "../visible-text.ts";
import { calibrationOfBoxes } from "./calibration.ts";
import { labelName } from "./label-name.ts";
import { screeningOfObjects } from "./screening.ts";
import { scrollBox, section } from "./section.ts";

/** How well each class's objects were found, and the images with the worst answers. */
export function detection(evaluation: DetectionEvaluation): (Markup | null)[] {
  return [
    classesOfObjects(evaluation),
    screeningOfObjects(evaluation),
    curves(evaluation),
    examples(evaluation),
    calibrationOfBoxes(evaluation.calibration),
  ];
}

function classesOfObjects(evaluation: DetectionEvaluation): Markup {
  const { rows, objects, map, map50, map75, threshold, perClass } = evaluation;
  const title = "Class by class, over all objects";
  if (rows === 0) return section("classes", title, html`<p>No image was evaluated.</p>`);
  return section(
    "classes",
    title,
    html`<p>mAP@0.5 <strong>${percent(map50)}</strong>, mAP@0.75 ${percent(map75)}, mAP over overlaps of 0.5 to 0.95 ${percent(map)}, as COCO defines them, on ${counted(objects, "object")} in ${counted(rows, "image")}. Sensitivity and precision count answers from the score ${fixed(threshold, 2)} on, which held-out images chose; an answer is right that overlaps an object of its class by half.</p>`,
    scrollBox(
      "Scores of classes",
      html`<table class="classes"><thead><tr><th scope="col">Class</th><th scope="col" class="number">AP@0.5</th><th scope="col" class="number">AP</th><th scope="col" class="number">Sensitivity</th><th scope="col" class="number">Precision</th><th scope="col" class="number">Objects</th></tr></thead>
<tbody>${perClass.map(
        ({ label, ap, ap50, sensitivity, precision, objects: own }) =>
          html`<tr><th scope="row">${labelName(label)}</th><td class="number strong">${share(ap50)}</td><td class="number">${share(ap)}</td><td class="number">${countedShare(sensitivity)}</td><td class="number">${countedShare(precision)}</td><td class="number">${count(own)}</td></tr>`,
      )}</tbody></table>`,
    ),
  );
}

const mostCurves = 12;

function curves({ perClass }: DetectionEvaluation): Markup | null {
  const drawn = perClass
    .map((each, label) => ({ ...each, at: label }))
    .filter(({ curve }) => curve.length > 1);
  if (drawn.length === 0) return null;
  return section(
    "curves",
    "Precision and recall",
    html`<p>Going down the scores more objects are found (to the right), and more of what is found is wrong (downwards). At an overlap of 0.5.</p>
<div class="panels small">${drawn
      .slice(0, mostCurves)
      .map(
        ({ label, at, ap50, curve }) =>
          html`<figure><figcaption>${labelName(label)}<small>AP@0.5 ${share(ap50)}</small></figcaption>${precisionRecallChart(curve, at, `Precision over recall of ${label}`)}</figure>`,
      )}</div>`,
  );
}

function examples({ examples, labels }: DetectionEvaluation): Markup {
  const shown = shownPictures(examples);
  const title = "Images with the worst answers";
  if (shown.length === 0) return section("examples", title, html`<p>There is no picture to show.</p>`);
  return section(
    "examples",
    title,
    html`<p class="legend">${labels.slice(0, 8).map((label, at) => html`<span><svg width="14" height="12" aria-hidden="true"><rect width="14" height="12" fill="${classColour(at)}"/></svg> ${labelName(label)}</span> `)}<span>plain: as answered, with its score; dashed: as labelled</span></p>
<div class="pictures">${shown.map(
      ({ name, picture, missed, wrong, truth, answer }) =>
        html`<figure>${overlay(
          picture,
          {
            truth: { boxes: truth },
            answer: { boxes: answer.map((each) => ({ ...each, words: percent(each.score, 0) })) },
          },
          `${name}: ${missed} missed, ${wrong} wrong`,
        )}<figcaption><bdi>${clip(name, 60)}</bdi><small>${count(missed)} missed, ${count(wrong)} wrong, of ${counted(truth.length, "object")}</small></figcaption></figure>`,
    )}</div>`,
  );
}

function share(value: number | null): Content {
  return value === null ? dash : percent(value);
}

/** A share with what it counts, and its interval below it. */
function countedShare({ right, of, interval }: CountedShare): Content {
  return of === 0
    ? dash
    : html`${percent(right / of)} <small>${count(right)} of ${count(of)}, ${percentRange(interval)}</small>`;
}
