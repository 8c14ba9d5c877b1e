import { isClassification, type TuneReport } from "@kilotune/contract";
import { type Content, html, type Markup } from "../escape.ts";
import { bytes, count, counted, dateTime, fixed, pValue } from "../format.ts";
import { methodWords } from "../verdict-words.ts";
import { clip } from "../visible-text.ts";
import { section } from "./section.ts";

/** Everything that another engineer needs to repeat the job, or to prove which file this page is about. */
export function receipt(report: TuneReport): Markup {
  const { backbone, data, prompt, settings, verdict } = report;
  return section(
    "receipt",
    "Settings and receipt",
    html`<div class="beside even">
${facts(
  "Settings",
  Object.entries(settings).map(([name, value]) => [
    clip(name, 60),
    typeof value === "number" ? value : clip(value, 200),
  ]),
)}
${facts("Receipt", [
  ["made", dateTime(report.createdAt)],
  ["prompt file", html`<code>${clip(prompt.path, 300)}</code>`],
  ["prompt id", html`<code>${clip(prompt.id, 100)}</code>`],
  ["size", html`${bytes(prompt.sizeBytes)} (${counted(prompt.sizeBytes, "byte")})`],
  ["method", methodWords(report)],
  [
    "backbone",
    html`${clip(backbone.id, 80)}, ${counted(backbone.layers, "layer")} of ${count(backbone.hiddenSize)}`,
  ],
  ["backbone weights", html`<code>${clip(backbone.weightsSha256, 100)}</code>`],
  ["backbone licence", clip(backbone.licence, 80)],
  ["training rows", html`${count(data.trainRows)} in ${counted(data.labels.length, "label")}`],
  ["held-out rows", html`${count(data.heldOut.rows)} (${clip(data.heldOut.source, 80)})`],
  ["test rows", count(data.testRows)],
  ["rows cut to fit", count(data.truncatedRows)],
  ...(isClassification(report) ? ([["temperature", fixed(report.calibration.temperature, 3)]] as const) : []),
  [isClassification(report) ? "McNemar test" : "paired test", pValue(verdict.pValue)],
])}
</div>`,
  );
}

/** What the job wants the reader to know. */
export function notes({ notes }: TuneReport): Markup | null {
  if (notes.length === 0) return null;
  return section("notes", "Notes", html`<ul>${notes.map((note) => html`<li>${clip(note, 600)}</li>`)}</ul>`);
}

function facts(caption: string, rows: readonly (readonly [name: string, value: Content])[]): Markup {
  return html`<table class="facts"><caption>${caption}</caption><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
}
