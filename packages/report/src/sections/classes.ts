import type { ClassificationReport } from "@kilotune/contract";
import { labelName } from "./label-name.ts";
import { spanBar } from "../charts/span-bar.ts";
import { html, type Markup } from "../escape.ts";
import { count, counted, dash, percent } from "../format.ts";
import { scrollBox, section } from "./section.ts";

/** Shown before a fold; the rest of a long list is one click (or a print-out) away. */
const alwaysShown = 25;

type PerClass = ClassificationReport["evaluation"]["perClass"][number];

/** Precision, recall and F1 of each label, the weakest first: that is where more examples help. */
export function classes({ evaluation, data }: ClassificationReport): Markup {
  // A Map, because a label may be called "__proto__".
  const trained = new Map(data.labels.map(({ name, rows }) => [name, rows]));
  const sorted = [...evaluation.perClass].sort((a, b) => sortable(a) - sortable(b) || b.support - a.support);
  const rest = sorted.slice(alwaysShown);
  const table = (rows: readonly PerClass[]) =>
    scrollBox(
      "Per-label scores",
      html`<table class="classes"><thead><tr><th scope="col">Label</th><th scope="col" class="number">Precision</th><th scope="col" class="number">Recall</th><th scope="col" class="number">F1</th><th scope="col" class="bar"><span class="hidden">F1 as a bar</span></th><th scope="col" class="number">Rows</th><th scope="col" class="number">Trained on</th></tr></thead>
<tbody>${rows.map((row) => classRow(row, trained.get(row.label)))}</tbody></table>`,
    );
  return section(
    "classes",
    "Label by label, the weakest first",
    html`<p>Precision: of the rows called this, how many were. Recall: of the rows that were this, how many were found. F1 balances both. More examples help most at the top of the list.</p>`,
    sorted.length === 0 ? html`<p>No rows were evaluated.</p>` : table(sorted.slice(0, alwaysShown)),
    rest.length === 0
      ? null
      : html`<details><summary>${counted(rest.length, "stronger label")}</summary>${table(rest)}</details>`,
  );
}

function classRow(row: PerClass, trainedRows: number | undefined): Markup {
  return html`<tr><th scope="row">${labelName(row.label)}</th><td class="number">${percent(row.precision)}</td><td class="number">${percent(row.recall)}</td><td class="number strong">${percent(row.f1)}</td><td class="bar">${spanBar(0, row.f1, row.f1 < 0.75 ? "weak" : "fine")}</td><td class="number">${count(row.support)}</td><td class="number">${trainedRows === undefined ? dash : count(trainedRows)}</td></tr>`;
}

/** A label that the evaluation never met has no F1; it comes last, being unknown rather than weak. */
function sortable({ f1 }: PerClass): number {
  return Number.isFinite(f1) ? f1 : 2;
}
