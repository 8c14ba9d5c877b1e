import { mainFigure, type Score, secondFigure, type TuneReport } from "@kilotune/contract";
import { accuracyAxis, whiskerAxis, whiskerRow } from "../charts/dots.ts";
import { html, type Markup } from "../escape.ts";
import { capitalised, figureTitles } from "../figure-title.ts";
import { bytes, fixed, percent } from "../format.ts";
import { clip } from "../visible-text.ts";
import { scoreWords, section } from "./section.ts";
import { type Column, stackedTable } from "./stacked-table.ts";

/** Every candidate's accuracy: the plot is a column of the table, so that each whisker stands beside its numbers. */
export function candidates({ candidates, data }: TuneReport): Markup {
  const { main, second } = figureTitles({ candidates });
  const scores = candidates.flatMap(({ heldOut, test }) => [heldOut, test].filter((score) => score !== null));
  const axis = accuracyAxis(scores);
  const tested = candidates.some(({ test }) => test !== null);
  const columns: Column[] = [
    { name: "Candidate", kind: "head" },
    { name: `${capitalised(main)} with interval`, kind: "plot", drawing: whiskerAxis(axis) },
    { name: "Held-out", kind: "number" },
    ...(tested ? [{ name: "Test", kind: "number" } as const] : []),
    ...(second === undefined ? [] : [{ name: capitalised(second), kind: "number" } as const]),
    { name: "Size", kind: "number" },
  ];
  return section(
    "candidates",
    `${capitalised(main)} of every candidate`,
    html`<p>Dots are ${main === "accuracy" ? "accuracies" : `figures of ${main}`}, whiskers their 95 % intervals. Whiskers that overlap widely belong to candidates that these rows cannot tell apart.</p>
<p class="legend"><span>${legendMark("held-out")} held-out rows (${clip(data.heldOut.source, 80)}), which chose the winner</span> ${
      tested ? html`<span>${legendMark("test")} test rows, which nothing has seen</span>` : null
    }</p>`,
    stackedTable(
      "candidates",
      columns,
      candidates.map(({ title, heldOut, test, sizeBytes, published }) => ({
        published,
        cells: [
          html`${clip(title, 60)}${published ? html` <span class="chip">published</span>` : null}`,
          whiskerRow(axis, heldOut, test),
          scoreWords(heldOut),
          ...(tested ? [scoreWords(test)] : []),
          ...(second === undefined ? [] : [fixed(secondOf(test ?? heldOut), 3)]),
          bytes(sizeBytes),
        ],
      })),
    ),
    scores.some((score) => mainFigure(score).value < axis.min)
      ? html`<p class="quiet">The axis starts at ${percent(axis.min, 0)}; an arrow at its left edge stands for a score below that.</p>`
      : null,
  );
}

function secondOf(score: Score | null): number {
  return (score && secondFigure(score)?.value) ?? Number.NaN;
}

function legendMark(series: "held-out" | "test"): Markup {
  return html`<svg width="26" height="12" aria-hidden="true"><g class="whisker ${series}"><line x1="1" x2="25" y1="6" y2="6"/><circle cx="13" cy="6" r="4.5"/></g></svg>`;
}
