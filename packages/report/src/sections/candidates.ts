import type { Candidate, Score, TuneReport } from "@kilotune/contract";
import { accuracyAxis, whiskerAxis, whiskerRow } from "../charts/dots.ts";
import type { Scale } from "../charts/scale.ts";
import { html, type Markup } from "../escape.ts";
import { bytes, dash, fixed, percent, percentRange } from "../format.ts";
import { clip } from "../visible-text.ts";
import { section } from "./section.ts";

/** Every candidate's accuracy: the plot is a column of the table, so that each whisker stands beside its numbers. */
export function candidates({ candidates, data }: TuneReport): Markup {
  const axis = accuracyAxis(
    candidates.flatMap(({ heldOut, test }) => [heldOut, test].filter((s) => s !== null)),
  );
  const leftOut = candidates.some(({ heldOut, test }) =>
    [heldOut, test].some((score) => score !== null && score.accuracy < axis.min),
  );
  return section(
    "candidates",
    "Accuracy of every candidate",
    html`<p>Dots are accuracies, whiskers their 95 % intervals. Whiskers that overlap widely belong to candidates that these rows cannot tell apart.</p>
<p class="legend"><span><svg width="26" height="12" aria-hidden="true"><g class="whisker held-out"><line x1="1" x2="25" y1="6" y2="6"/><circle cx="13" cy="6" r="4.5"/></g></svg> held-out rows (${clip(data.heldOut.source, 80)}), which chose the winner</span>${
      data.testRows > 0
        ? html` <span><svg width="26" height="12" aria-hidden="true"><g class="whisker test"><line x1="1" x2="25" y1="6" y2="6"/><circle cx="13" cy="6" r="4.5"/></g></svg> test rows, which nothing has seen</span>`
        : null
    }</p>
<table class="candidates" role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Candidate</th><th role="columnheader" scope="col" class="plot"><span class="hidden">Accuracy with interval</span>${whiskerAxis(axis)}</th><th role="columnheader" scope="col" class="number">Held-out</th><th role="columnheader" scope="col" class="number">Test</th><th role="columnheader" scope="col" class="number">Test F1</th><th role="columnheader" scope="col" class="number">Size</th></tr></thead>
<tbody role="rowgroup">${candidates.map((candidate) => row(candidate, axis))}</tbody></table>
${leftOut ? html`<p class="quiet">The axis starts at ${percent(axis.min, 0)}; an arrow at its left edge stands for a score below that.</p>` : null}`,
  );
}

// Small screens lay a row out as a grid, which costs a table its meaning in some browsers: hence the explicit roles.
function row(candidate: Candidate, axis: Scale): Markup {
  return html`<tr role="row"${candidate.published ? html` class="published"` : null}><th role="rowheader" scope="row">${clip(candidate.title, 60)}${candidate.published ? html` <span class="chip">published</span>` : null}</th><td role="cell" class="plot">${whiskerRow(axis, candidate.heldOut, candidate.test)}</td>${scoreCell("Held-out", candidate.heldOut)}${scoreCell("Test", candidate.test)}<td role="cell" class="number" data-name="Test F1">${candidate.test === null ? dash : fixed(candidate.test.macroF1, 3)}</td><td role="cell" class="number" data-name="Size">${bytes(candidate.sizeBytes)}</td></tr>`;
}

function scoreCell(name: string, score: Score | null): Markup {
  return html`<td role="cell" class="number" data-name="${name}">${score === null ? dash : html`${percent(score.accuracy)} <small>${percentRange(score.interval)}</small>`}</td>`;
}
