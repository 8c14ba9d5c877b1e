import {
  type Figure,
  isClassification,
  mainFigure,
  type Score,
  secondFigure,
  type TuneReport,
} from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { capitalised, figureTitle } from "../figure-title.ts";
import { bytes, counted, dateTime, duration, fixed, percent, percentRange, pValue } from "../format.ts";
import { methodWords, verdictHeadline } from "../verdict-words.ts";
import { clip } from "../visible-text.ts";

/** What a reader in a hurry needs: did it pay, what was published, and the four figures. */
export function headline(report: TuneReport): Markup {
  const { tone, words } = verdictHeadline(report);
  return html`<header class="headline ${tone}">
<p class="eyebrow"><bdi>${clip(report.title, 100)}</bdi> · ${dateTime(report.createdAt)}</p>
<h1>${words}</h1>
<p class="lead">${clip(report.verdict.words, 800)}</p>
<p class="published"><span class="chip">Published</span> ${methodWords(report)} on ${clip(report.backbone.id, 80)} <span class="quiet">· paired test on held-out rows${isClassification(report) ? " (McNemar)" : ""}, ${pValue(report.verdict.pValue)}</span></p>
${keyFigures(report)}
</header>
`;
}

function keyFigures(report: TuneReport): Markup {
  const { prompt, data, evaluation } = report;
  const published = report.candidates.find((candidate) => candidate.published);
  const score = data.testRows > 0 ? published?.test : published?.heldOut;
  const { main, second } = figuresOf(report, score ?? null);
  const tested = data.testRows > 0 ? "test rows" : "held-out rows";
  const total = report.timings.reduce((sum, { seconds }) => sum + seconds, 0);
  const tuning = report.timings.find(({ name }) => name.startsWith("tun"))?.seconds ?? total;
  return html`<dl class="figures">
${figure(capitalised(main.title), percent(main.value), [score?.interval ? html`95 % interval <span class="nowrap">${percentRange(score.interval)}</span>` : null, html`${counted(evaluation.rows, tested.replace("rows", "row"), tested)}`])}
${second === undefined ? null : figure(capitalised(second.title), fixed(second.value, 3), [html`mean over ${counted(data.labels.length, "label")}, each counting the same`])}
${figure("Prompt file", bytes(prompt.sizeBytes), [html`${counted(prompt.trainableParameters, "trained number")}`])}
${figure("Tuning", duration(tuning), [html`of ${duration(total)} for the whole job`])}
</dl>`;
}

/** Of the answers that the page is about: without a test file those of the published prompt on held-out rows. */
function figuresOf(report: TuneReport, score: Score | null) {
  if (isClassification(report)) {
    const { accuracy, macroF1 } = report.evaluation;
    return { main: { title: "accuracy", value: accuracy }, second: { title: "macro F1", value: macroF1 } };
  }
  const titled = (figure: Figure | undefined) =>
    figure && { title: figureTitle(figure.name), value: figure.value };
  if (score === null) return { main: { title: "score", value: Number.NaN }, second: undefined };
  return { main: titled(mainFigure(score))!, second: titled(secondFigure(score)) };
}

function figure(name: string, value: string, details: readonly (Markup | null)[]): Markup {
  return html`<div><dt>${name}</dt><dd class="value">${value}</dd>${details.map((detail) => (detail === null ? null : html`<dd class="detail">${detail}</dd>`))}</div>`;
}
