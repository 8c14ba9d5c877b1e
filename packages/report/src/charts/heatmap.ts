import { html, type Markup } from "../escape.ts";
import { count } from "../format.ts";
import { clip } from "../visible-text.ts";

/** confusion[i][j]: rows of class i that were called class j. */
export interface Confusion {
  readonly labels: readonly string[];
  readonly confusion: readonly (readonly number[])[];
}

export interface ConfusedPair {
  readonly row: number;
  readonly column: number;
  readonly times: number;
  /** Of the true class's rows, 0..1. */
  readonly share: number;
}

/**
 * The matrix as a real table, coloured by the share of each row's total: right answers in one hue, wrong ones in the
 * other. A table can be read aloud, copied into a spreadsheet and scrolled on a phone.
 */
export function heatTable({ labels, confusion }: Confusion): Markup {
  return html`<table class="heat" style="--labels:${labels.length}"><thead><tr><th class="corner" scope="col">true ↓ · called →</th>${labels.map((label) => html`<th scope="col" title="${clip(label, 200)}"><span>${clip(label, 22)}</span></th>`)}<th scope="col"><span>all</span></th></tr></thead>
<tbody>${labels.map((label, i) => {
    const total = rowTotal(confusion, i);
    return html`<tr><th scope="row" title="${clip(label, 200)}"><bdi>${clip(label, 26)}</bdi></th>${labels.map((_, j) => heatCell(countAt(confusion, i, j), total, i === j))}<td class="total">${count(total)}</td></tr>`;
  })}</tbody></table>`;
}

function heatCell(times: number, total: number, right: boolean): Markup {
  if (!(times > 0)) return html`<td class="none">·</td>`;
  const share = times / total;
  // Tints stop where the page's ink would become hard to read on them.
  const tint = right ? share * 0.52 : 0.26 + share * 0.26;
  return html`<td class="${right ? "right" : "wrong"}" style="--v:${tint.toFixed(3)}">${count(times)}</td>`;
}

/** One small square a cell, no labels, for many classes; wrong cells name themselves when pointed at. */
export function heatThumbnail(matrix: Confusion): Markup {
  const { labels, confusion } = matrix;
  const n = labels.length;
  const wrong = confusedPairs(matrix);
  const named = (i: number) => clip(labels[i] ?? "", 60);
  return html`<svg class="chart heat-thumbnail" viewBox="-0.5 -0.5 ${n + 1} ${n + 1}" role="img" shape-rendering="crispEdges">
<title>Confusion matrix of ${n} labels</title><desc>A row for each true label, a column for each answer. ${count(wrong.length)} cells off the diagonal hold mistakes; the most frequent ones are in the table.</desc>
<rect class="frame" x="0" y="0" width="${n}" height="${n}"/>
${labels.map((_, i) => {
  const share = countAt(confusion, i, i) / rowTotal(confusion, i);
  return share > 0
    ? html`<rect class="right" x="${i}" y="${i}" width="1" height="1" fill-opacity="${(0.25 + share * 0.75).toFixed(2)}"/>`
    : null;
})}
${wrong.map((pair, rank) => {
  // A hint on each of ten thousand cells would weigh megabytes.
  const hint =
    rank < 400
      ? html`<title>${`${named(pair.row)} called ${named(pair.column)}: ${count(pair.times)}`}</title>`
      : null;
  return html`<rect class="wrong" x="${pair.column}" y="${pair.row}" width="1" height="1" fill-opacity="${Math.min(1, 0.4 + pair.share * 1.5).toFixed(2)}">${hint}</rect>`;
})}
</svg>`;
}

/** Pairs of labels that are taken for each other, the most frequent first, ties by share. */
export function confusedPairs({ labels, confusion }: Confusion): ConfusedPair[] {
  const pairs = labels.flatMap((_, row) => {
    const total = rowTotal(confusion, row);
    return labels.flatMap((_, column) => {
      const times = countAt(confusion, row, column);
      return row !== column && times > 0 ? [{ row, column, times, share: times / total }] : [];
    });
  });
  return pairs.sort((a, b) => b.times - a.times || b.share - a.share);
}

function rowTotal(confusion: Confusion["confusion"], row: number): number {
  return (confusion[row] ?? []).reduce((sum, _, column) => sum + countAt(confusion, row, column), 0);
}

/** A count that isn't one (missing, negative, not finite) is no mistake and no right answer. */
function countAt(confusion: Confusion["confusion"], row: number, column: number): number {
  const n = confusion[row]?.[column] ?? 0;
  return n > 0 && Number.isFinite(n) ? n : 0;
}
