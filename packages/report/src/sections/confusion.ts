import type { ClassificationReport } from "@kilotune/contract";
import { type ConfusedPair, confusedPairs, heatTable, heatThumbnail } from "../charts/heatmap.ts";
import { html, type Markup } from "../escape.ts";
import { count, counted, percent } from "../format.ts";
import { labelName } from "./label-name.ts";
import { scrollBox, section } from "./section.ts";

/** Beyond this a labelled matrix is wider than a printed page. */
const mostLabelsWithNames = 25;
const mostPairs = 20;

/** Which labels are taken for which. */
export function confusion({ evaluation }: ClassificationReport): Markup {
  const title = "What is taken for what";
  if (evaluation.rows === 0) return section("confusion", title, html`<p>No rows were evaluated.</p>`);
  if (evaluation.labels.length <= mostLabelsWithNames)
    return section(
      "confusion",
      title,
      html`<p>A row for each true label, a column for each answer. <span class="key right">right</span> <span class="key wrong">wrong</span> The deeper the colour, the larger the share of the row.</p>`,
      scrollBox("Confusion matrix", heatTable(evaluation)),
    );
  const pairs = confusedPairs(evaluation);
  const shown =
    pairs.length > mostPairs
      ? `The ${mostPairs} most frequent of ${counted(pairs.length, "confused pair")}`
      : counted(pairs.length, "confused pair");
  return section(
    "confusion",
    title,
    html`<p>${shown}; the picture is the whole matrix of ${counted(evaluation.labels.length, "label")}: <span class="key right">right</span> on the diagonal, <span class="key wrong">wrong</span> off it.</p>
<div class="beside">${pairs.length === 0 ? html`<p>No label was taken for another.</p>` : scrollBox("Most confused pairs", pairTable(evaluation.labels, pairs.slice(0, mostPairs)))}${heatThumbnail(evaluation)}</div>`,
  );
}

function pairTable(labels: readonly string[], pairs: readonly ConfusedPair[]): Markup {
  return html`<table class="pairs"><thead><tr><th scope="col">True label</th><th scope="col">was called</th><th scope="col" class="number">times</th><th scope="col" class="number">of its rows</th></tr></thead>
<tbody>${pairs.map(
    ({ row, column, times, share }) =>
      html`<tr><td>${labelName(labels[row] ?? "")}</td><td>${labelName(labels[column] ?? "")}</td><td class="number">${count(times)}</td><td class="number">${percent(share)}</td></tr>`,
  )}</tbody></table>`;
}
