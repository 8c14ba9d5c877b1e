import type { TuneReport } from "@kilotune/contract";
import { confusedPairs, heatTable, heatThumbnail, pairTable } from "../charts/heatmap.ts";
import { html, type Markup } from "../escape.ts";
import { counted } from "../format.ts";
import { scrollBox, section } from "./section.ts";

/** Beyond this a labelled matrix is wider than a printed page. */
const mostLabelsWithNames = 25;
const mostPairs = 20;

/** Which labels are taken for which. */
export function confusion({ evaluation }: TuneReport): Markup {
  const title = "What is taken for what";
  if (evaluation.rows === 0) return section("confusion", title, html`<p>No rows were evaluated.</p>`);
  if (evaluation.labels.length <= mostLabelsWithNames)
    return section(
      "confusion",
      title,
      html`<p>A row for each true label, a column for each answer. <span class="key right">right</span> <span class="key wrong">wrong</span> deeper colour: a larger share of the row.</p>`,
      scrollBox("Confusion matrix", heatTable(evaluation)),
    );
  const pairs = confusedPairs(evaluation).length;
  const shown =
    pairs > mostPairs
      ? `The ${mostPairs} most frequent of ${counted(pairs, "confused pair")}`
      : counted(pairs, "confused pair");
  return section(
    "confusion",
    title,
    html`<p>${shown}; the picture is the whole matrix of ${counted(evaluation.labels.length, "label")}: <span class="key right">right</span> on the diagonal, <span class="key wrong">wrong</span> off it.</p>
<div class="beside">${pairs === 0 ? html`<p>No label was taken for another.</p>` : scrollBox("Most confused pairs", pairTable(evaluation, mostPairs))}${heatThumbnail(evaluation)}</div>`,
  );
}
