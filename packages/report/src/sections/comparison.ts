import { bestCompared, mainFigure, type TuneReport } from "@kilotune/contract";
import { accuracyAxis, whiskerAxis, whiskerRow } from "../charts/dots.ts";
import { html, type Markup } from "../escape.ts";
import { bytes, count, dash, duration, percent } from "../format.ts";
import { clip } from "../visible-text.ts";
import { scoreWords, section } from "./section.ts";
import { type Column, stackedTable } from "./stacked-table.ts";

/** What prompt engineering, examples and tuning reach on the same rows, and what each costs; of a comparison alone. */
export function comparison({ comparison }: TuneReport): Markup | null {
  if (comparison === undefined || comparison.length === 0) return null;
  const scores = comparison.flatMap(({ heldOut, test }) => [heldOut, test].filter((score) => score !== null));
  const axis = accuracyAxis(scores);
  const best = bestCompared(comparison);
  const columns: Column[] = [
    { name: "Method", kind: "head" },
    { name: "Accuracy with interval", kind: "plot", drawing: whiskerAxis(axis) },
    { name: "Held-out", kind: "number" },
    { name: "Test", kind: "number" },
    { name: "Trained numbers", kind: "number" },
    { name: "Stored", kind: "number" },
    { name: "Tuning", kind: "number" },
    { name: "Switch", kind: "number" },
  ];
  return section(
    "comparison",
    "Methods side by side",
    html`<p>The same rows on the same backbone. Hollow dots are accuracies on held-out rows, filled ones on test rows; whiskers are their 95 % intervals: where they overlap widely, these rows cannot tell two methods apart. The best one is told by held-out rows; test rows have chosen nothing.</p>`,
    stackedTable(
      "comparison",
      columns,
      comparison.map((method) => ({
        published: method === best,
        cells: [
          html`${clip(method.title, 60)}${method === best ? html` <span class="chip">best</span>` : null}`,
          whiskerRow(axis, method.heldOut, method.test),
          scoreWords(method.heldOut),
          scoreWords(method.test),
          count(method.trainableParameters),
          bytes(method.sizeBytes),
          duration(method.seconds),
          method.switchSeconds === null ? dash : duration(method.switchSeconds),
        ],
      })),
    ),
    html`<p class="quiet">Stored: for each tenant. Tuning: from the training file to what answers, with the runs on a part of the rows that held-out figures come from, and with the baselines that a prompt is judged by. Switch: the first answer by a file that isn't in memory, less an answer by one that is; a dash where there is nothing to load.${
      scores.some((score) => mainFigure(score).value < axis.min)
        ? ` The axis starts at ${percent(axis.min, 0)}; an arrow at its left edge stands for a score below that.`
        : ""
    }</p>`,
  );
}
